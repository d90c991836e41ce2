"""A report's folder: JSON, CSV, Markdown, plots and a page, each whole or absent."""

from __future__ import annotations

import json
from pathlib import Path

from roformer_sim.evaluation.sts.page import report_page
from roformer_sim.evaluation.sts.plots import plot_figures, plot_scores
from roformer_sim.evaluation.sts.report import StsReport
from roformer_sim.training.watching.replaced_file import replace_file


def write_report(report: StsReport, folder: Path) -> list[Path]:
    """Write ``sts.json``, ``.csv``, ``.md``, ``.html``, ``sts.png`` (figures) and ``sts_scores.png``.

    Returns:
        The files.

    Raises:
        InputError: The folder cannot be written, or Matplotlib is not installed.
    """
    pictures = {"sts.png": plot_figures(report), "sts_scores.png": plot_scores(report)}
    files = {
        "sts.json": json.dumps(report.to_dict(), ensure_ascii=False, indent=2).encode() + b"\n",
        "sts.csv": report.to_csv().encode(),
        "sts.md": report.to_markdown().encode(),
        "sts.html": report_page(report, list(pictures.values())).encode(),
        **pictures,
    }
    for name, content in files.items():
        replace_file(folder / name, content)
    return [folder / name for name in files]
