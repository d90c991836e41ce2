"""A geometry report's folder: JSON, CSV, Markdown and plots, each whole or absent."""

from __future__ import annotations

import json
from pathlib import Path

from roformer_sim.evaluation.vectors.plots import plot_cosines, plot_groups, plot_plane, plot_spectrum
from roformer_sim.evaluation.vectors.report import GeometryReport
from roformer_sim.training.watching.replaced_file import replace_file


def write_geometry(report: GeometryReport, folder: Path) -> list[Path]:
    """Write ``geometry.json``, ``.csv``, ``.md``, ``.png``, and the plots of cosines, spectrum and groups.

    Returns:
        The files.

    Raises:
        InputError: The folder cannot be written, or Matplotlib is not installed.
    """
    files = {
        "geometry.json": json.dumps(report.to_dict(), ensure_ascii=False, indent=2).encode() + b"\n",
        "geometry.csv": report.to_csv().encode(),
        "geometry.md": report.to_markdown().encode(),
        "geometry.png": plot_plane(report),
        "geometry_cosines.png": plot_cosines(report),
        "geometry_spectrum.png": plot_spectrum(report),
    }
    if report.groups is not None:
        files["geometry_groups.png"] = plot_groups(report)
    for name, content in files.items():
        replace_file(folder / name, content)
    return [folder / name for name in files]
