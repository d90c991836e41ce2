"""The figures and the scores behind them as pictures."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np

from roformer_sim.evaluation.canvas import canvas as new_canvas
from roformer_sim.evaluation.canvas import png, short
from roformer_sim.evaluation.sts.figures import RAW, WHITENING, WHITENING_256
from roformer_sim.evaluation.sts.report import MACRO, Row, StsReport
from roformer_sim.evaluation.sts.tables import StsTable

_MARKS = {
    "": ("D", "#7a7a7a"),
    RAW: ("o", "#3b6ea8"),
    WHITENING: ("s", "#c0562b"),
    WHITENING_256: ("^", "#4f8a4c"),
}
_COLUMNS = 3
_MOST_CLASSES = 6


def plot_figures(report: StsReport) -> bytes:
    """A panel a table and one of their average: Spearman with its interval, a line a pooling; PNG.

    Raises:
        InputError: Matplotlib is not installed.
    """
    rows = list(report.rows())
    lines = list(dict.fromkeys((row.encoder, row.variant.pooling) for row in rows))
    columns = [*report.keys, MACRO]
    titles = [*(table.title for table in report.tables), "macro average"]
    height = -(-len(columns) // _COLUMNS)
    canvas = new_canvas((4.6 * _COLUMNS, (0.9 + 0.23 * len(lines)) * height + 0.5))
    places = canvas.subplots(height, _COLUMNS, squeeze=False, sharey=True).flatten().tolist()
    for number, (place, title) in enumerate(zip(places, titles, strict=False)):
        _draw_figures(place, rows, lines, number)
        place.set_title(title, fontsize=9)
    for place in places[len(columns) :]:
        place.set_visible(False)
    names = [f"{short(encoder)}  {pooling}".strip() for encoder, pooling in lines]
    places[0].set_yticks(range(len(lines)), names)
    places[0].set_ylim(len(lines) - 0.4, -0.6)
    drawn = dict.fromkeys(row.variant.whitening for row in rows if row.variant.whitening)
    handles = [
        canvas.axes[0].plot([], [], _MARKS[which][0], color=_MARKS[which][1], label=which)[0]
        for which in drawn
    ]
    canvas.suptitle(f"Spearman x 100, {report.interval_name()}", fontsize=10, x=0.01, ha="left")
    canvas.legend(handles=handles, loc="upper right", ncols=3, fontsize=8, frameon=False)
    return png(canvas)


def _draw_figures(place: Any, rows: list[Row], lines: list[tuple[str, str]], column: int) -> None:
    offsets = {"": 0.0, RAW: -0.2, WHITENING: 0.0, WHITENING_256: 0.2}
    for row in rows:
        estimate = row.figures[column].spearman
        if math.isnan(estimate.value):
            continue
        y = lines.index((row.encoder, row.variant.pooling)) + offsets[row.variant.whitening]
        mark, colour = _MARKS[row.variant.whitening]
        if not math.isnan(estimate.low):
            place.plot([estimate.low, estimate.high], [y, y], color=colour, linewidth=1.1, alpha=0.6)
        place.plot(estimate.value, y, mark, color=colour, markersize=3.6)
    for y in range(1, len(lines)):
        if lines[y][0] != lines[y - 1][0]:
            place.axhline(y - 0.5, color="#bbbbbb", linewidth=0.7)
    place.grid(axis="x", alpha=0.25, linewidth=0.5)
    place.tick_params(labelsize=7.5)


def plot_scores(report: StsReport) -> bytes:
    """How the scores of the best variant spread within each label: an encoder a row, a table a column; PNG.

    Raises:
        InputError: Matplotlib is not installed.
    """
    encoders, tables = report.encoders, report.tables
    canvas = new_canvas((2.7 * len(tables) + 0.6, 1.5 * len(encoders) + 0.5))
    grid = canvas.subplots(len(encoders), len(tables), squeeze=False)
    for places, encoder in zip(grid, encoders, strict=True):
        for place, table, scores in zip(places, tables, encoder.best_scores, strict=True):
            _draw_scores(place, table, np.asarray(scores, np.float64))
        label = f"{short(encoder.name)}\n{encoder.best.title}".strip()
        places[0].set_ylabel(label, fontsize=7.5)
    for place, table in zip(grid[0], tables, strict=True):
        place.set_title(table.title, fontsize=9)
    canvas.suptitle(
        "Scores of the best variant, a curve a label (of equal area)", fontsize=10, x=0.01, ha="left"
    )
    return png(canvas)


def _draw_scores(place: Any, table: StsTable, scores: np.ndarray) -> None:
    place.set_yticks([])
    place.tick_params(labelsize=7)
    known = np.isfinite(scores)
    if not known.any():
        place.text(0.5, 0.5, "undefined", ha="center", va="center", fontsize=8, transform=place.transAxes)
        return
    classes, names = _classes(np.asarray(table.labels))
    two = len(names) <= 2
    bins = np.linspace(scores[known].min(), scores[known].max() + 1e-9, 41 if two else 19)
    for number, name in enumerate(names):
        chosen = scores[known & (classes == number)]
        if not len(chosen):
            continue
        counts, _ = np.histogram(chosen, bins)
        colour = (
            0.75 - 0.55 * number / max(len(names) - 1, 1),
            0.35,
            0.2 + 0.5 * number / max(len(names) - 1, 1),
        )
        heights = counts / len(chosen)
        if two:
            place.fill_between(bins[:-1], heights, step="post", color=colour, alpha=0.15, linewidth=0)
            place.step(bins[:-1], heights, where="post", color=colour, linewidth=1.0, label=name)
        else:  # so many outlines of steps would hide one another
            place.plot((bins[:-1] + bins[1:]) / 2, heights, color=colour, linewidth=1.2, label=name)
    place.set_ylim(bottom=0)
    place.legend(fontsize=6, frameon=False, handlelength=1.0, loc="best", labelspacing=0.2)


def _classes(labels: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Class of each pair and the classes' names: the labels themselves, or ranges where there are many."""
    distinct = np.unique(labels)
    if len(distinct) <= _MOST_CLASSES:
        return np.searchsorted(distinct, labels), [f"{label:g}" for label in distinct]
    edges = np.linspace(distinct[0], distinct[-1], _MOST_CLASSES)
    names = [f"{low:g} to {high:g}" for low, high in pairwise(edges)]
    return np.clip(np.searchsorted(edges, labels, side="right") - 1, 0, len(names) - 1), names
