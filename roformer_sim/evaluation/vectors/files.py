"""A geometry report's folder: JSON, CSV, Markdown and plots, each whole or absent."""

from __future__ import annotations

from pathlib import Path

from roformer_sim.evaluation.report_folder import write_report_folder
from roformer_sim.evaluation.vectors.plots import plot_cosines, plot_groups, plot_plane, plot_spectrum
from roformer_sim.evaluation.vectors.report import GeometryReport


def write_geometry(report: GeometryReport, folder: Path) -> list[Path]:
    """Write ``geometry.json``, ``.csv``, ``.md``, ``.png``, and the plots of cosines, spectrum and groups.

    Returns:
        The files.

    Raises:
        InputError: The folder cannot be written, or Matplotlib is not installed.
    """
    plots = {
        "geometry.png": plot_plane(report),
        "geometry_cosines.png": plot_cosines(report),
        "geometry_spectrum.png": plot_spectrum(report),
    }
    if report.groups is not None:
        plots["geometry_groups.png"] = plot_groups(report)
    return write_report_folder(report, "geometry", folder, plots)
