"""The figures as a picture: a panel a metric, a bar a system, with its interval."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

from corpus_builder.errors import InputError
from roformer_sim.evaluation.generation.metrics import EXPONENTIATED, METRICS, PERCENT
from roformer_sim.evaluation.generation.report import GenerationReport
from roformer_sim.training.watching.replaced_file import replace_file

_COLOURS = ("#3b6ea8", "#c0562b", "#4f8a4c", "#8a5a9e", "#b08a2e", "#4a9aa0", "#7a7a7a")
_COLUMNS = 3
_LEFT_OUT = ("returned", "new_share", "distinct_1")


def plot_figures(report: GenerationReport, path: str | Path) -> None:
    """Draw the report's figures as a PNG that is whole or absent.

    Where there are questions and statements, both stand below the bar of all sources in lighter colours.

    Raises:
        InputError: Matplotlib is not installed, or the file cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure as Canvas
    except ImportError as error:
        raise InputError("the plot needs Matplotlib: pip install 'roformer-sim[plots]'") from error
    metrics = [name for name in report.metrics if name not in _LEFT_OUT]
    height = -(-len(metrics) // _COLUMNS)
    canvas = Canvas(figsize=(4.2 * _COLUMNS, 2.4 * height + 0.4), layout="tight")
    FigureCanvasAgg(canvas)
    places = canvas.subplots(height, _COLUMNS, squeeze=False).flatten().tolist()
    for number, (place, metric) in enumerate(zip(places, metrics, strict=False)):
        _draw(place, report, metric, names=number % _COLUMNS == 0)
    for place in places[len(metrics) :]:
        place.set_visible(False)
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in report.counts.items())
    canvas.suptitle(f"bars from above: {kinds}; with 95 % intervals", fontsize=9)
    picture = io.BytesIO()
    canvas.savefig(picture, dpi=110, format="png", metadata={"Software": None})
    replace_file(Path(path), picture.getvalue())


def _draw(place: Any, report: GenerationReport, metric: str, *, names: bool) -> None:
    systems = [system.name for system in report.systems]
    thickness = 0.8 / len(report.kinds)
    scale = 100 if metric in PERCENT else 1
    for row, kind in enumerate(report.kinds):
        estimates = [report.estimates[kind][system][metric] for system in systems]
        known = [place for place, estimate in enumerate(estimates) if not math.isnan(estimate.mean)]
        means = [scale * estimates[place].mean for place in known]
        place.barh(
            [position + (row - (len(report.kinds) - 1) / 2) * thickness for position in known],
            means,
            thickness * 0.9,
            xerr=[
                [scale * (estimates[p].mean - estimates[p].low) for p in known],
                [scale * (estimates[p].high - estimates[p].mean) for p in known],
            ],
            color=[_COLOURS[p % len(_COLOURS)] for p in known],
            alpha=1.0 if row == 0 else 0.45,
            error_kw={"linewidth": 0.7},
        )
    place.set_yticks(range(len(systems)), systems if names else [""] * len(systems), fontsize=7)
    place.invert_yaxis()
    arrow = {"higher": " (higher is better)", "lower": " (lower is better)"}.get(METRICS[metric].better, "")
    if metric == EXPONENTIATED:
        place.set_xscale("log")
    place.set_title(METRICS[metric].title + arrow, fontsize=8)
    place.tick_params(axis="x", labelsize=6.5)
    place.grid(axis="x", alpha=0.25, linewidth=0.5)
