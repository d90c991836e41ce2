"""A probe report's folder: JSON, CSV, Markdown and the plot, each whole or absent."""

from __future__ import annotations

from pathlib import Path

from roformer_sim.evaluation.probes.plots import plot_probes
from roformer_sim.evaluation.probes.report import ProbeReport
from roformer_sim.evaluation.report_folder import write_report_folder


def write_probes(report: ProbeReport, folder: Path) -> list[Path]:
    """Write ``probes.json``, ``probes.csv``, ``probes.md`` and ``probes.png``.

    Returns:
        The files.

    Raises:
        InputError: The folder cannot be written, or Matplotlib is not installed.
    """
    return write_report_folder(report, "probes", folder, {"probes.png": plot_probes(report)})
