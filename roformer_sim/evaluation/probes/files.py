"""A probe report's folder: JSON, CSV, Markdown and the plot, each whole or absent."""

from __future__ import annotations

import json
from pathlib import Path

from roformer_sim.evaluation.probes.plots import plot_probes
from roformer_sim.evaluation.probes.report import ProbeReport
from roformer_sim.training.watching.replaced_file import replace_file


def write_probes(report: ProbeReport, folder: Path) -> list[Path]:
    """Write ``probes.json``, ``probes.csv``, ``probes.md`` and ``probes.png``.

    Returns:
        The files.

    Raises:
        InputError: The folder cannot be written, or Matplotlib is not installed.
    """
    files = {
        "probes.json": json.dumps(report.to_dict(), ensure_ascii=False, indent=2).encode() + b"\n",
        "probes.csv": report.to_csv().encode(),
        "probes.md": report.to_markdown().encode(),
        "probes.png": plot_probes(report),
    }
    for name, content in files.items():
        replace_file(folder / name, content)
    return [folder / name for name in files]
