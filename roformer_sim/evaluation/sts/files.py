"""A report's folder: JSON, CSV, Markdown, plots and a page, each whole or absent."""

from __future__ import annotations

from pathlib import Path

from roformer_sim.evaluation.report_folder import write_report_folder
from roformer_sim.evaluation.sts.page import report_page
from roformer_sim.evaluation.sts.plots import plot_figures, plot_scores
from roformer_sim.evaluation.sts.report import StsReport


def write_report(report: StsReport, folder: Path) -> list[Path]:
    """Write ``sts.json``, ``.csv``, ``.md``, ``.html``, ``sts.png`` (figures) and ``sts_scores.png``.

    Returns:
        The files.

    Raises:
        InputError: The folder cannot be written, or Matplotlib is not installed.
    """
    pictures = {"sts.png": plot_figures(report), "sts_scores.png": plot_scores(report)}
    page = report_page(report, list(pictures.values())).encode()
    return write_report_folder(report, "sts", folder, {"sts.html": page, **pictures})
