"""The geometry as pictures: the plane of alignment and uniformity, cosines, spectrum, groups."""

from __future__ import annotations

from typing import Any

import numpy as np

from roformer_sim.evaluation.canvas import COLOURS, canvas, png, short
from roformer_sim.evaluation.vectors.measure import VectorGeometry
from roformer_sim.evaluation.vectors.report import GeometryReport

_POSITIVE, _NEGATIVE = "#3b6ea8", "#c0562b"
_COLUMNS = 3
_MARKERS = "osD^vP*X"


def plot_plane(report: GeometryReport) -> bytes:
    """Alignment against uniformity, a point an encoder; PNG.

    Raises:
        InputError: Matplotlib is not installed; so for every picture here.
    """
    figure = canvas((6.4, 4.6))
    place = figure.subplots()
    for number, encoder in enumerate(report.encoders):
        place.plot(
            *(encoder.uniformity, encoder.alignment),
            _MARKERS[number % len(_MARKERS)],
            color=_colour(number),
            markersize=8,
            label=short(encoder.name),
            linestyle="none",
        )
    place.margins(0.3)
    place.set_xlabel("uniformity (lower: more evenly spread)", fontsize=8.5)
    place.set_ylabel("alignment (lower: similar sentences nearer)", fontsize=8.5)
    place.tick_params(labelsize=8)
    place.grid(alpha=0.25, linewidth=0.5)
    figure.suptitle("Alignment and uniformity; best is the lower left", fontsize=10, x=0.01, ha="left")
    figure.legend(loc="outside lower left", ncols=2, fontsize=8, frameon=False)
    return png(figure)


def plot_cosines(report: GeometryReport) -> bytes:
    """How the cosines of positive and negative pairs spread, a panel an encoder on one scale; PNG."""
    encoders = report.encoders
    figure, places = _grid(len(encoders), (4.4, 2.9), share=True)
    low = min(float(min(e.positive_cosines.min(), e.negative_cosines.min())) for e in encoders)
    bins = np.linspace(np.floor(10 * low) / 10, 1.0, 41)
    for place, encoder in zip(places, encoders, strict=False):
        for name, colour, cosines in (
            ("negatives", _NEGATIVE, encoder.negative_cosines),
            ("positives", _POSITIVE, encoder.positive_cosines),
        ):
            shares = np.histogram(np.clip(cosines, -1, 1), bins)[0] / len(cosines)
            place.stairs(shares, bins, fill=True, color=colour, alpha=0.25)
            place.stairs(shares, bins, color=colour, linewidth=1.1, label=f"{name} ({len(cosines):,})")
        place.set_title(f"{short(encoder.name)}\nAUC {encoder.auc:.3f}", fontsize=9)
        place.set_xlabel("cosine", fontsize=8)
        place.tick_params(labelsize=7.5)
    places[0].set_ylabel("share of the pairs", fontsize=8)
    places[0].legend(fontsize=7, frameon=False, loc="upper left")
    title = f"Cosines of positives and negatives ({report.pairs.negatives_are})"
    figure.suptitle(title, fontsize=10, x=0.01, ha="left")
    return png(figure)


def plot_spectrum(report: GeometryReport) -> bytes:
    """Share of the variance that the first k principal components hold, a curve an encoder; PNG."""
    figure = canvas((6.4, 4.2))
    place = figure.subplots()
    for number, encoder in enumerate(report.encoders):
        total = np.cumsum(encoder.variance_shares)
        label = f"{short(encoder.name)}: effective rank {encoder.effective_rank:.0f} of {encoder.dimensions}"
        place.plot(np.arange(1, len(total) + 1), 100 * total, color=_colour(number), label=label)
    place.set_xscale("log")
    place.xaxis.set_major_formatter("{x:g}")
    place.set_ylim(0, 102)
    place.set_xlabel("principal components", fontsize=8.5)
    place.set_ylabel("variance held, %", fontsize=8.5)
    place.tick_params(labelsize=8)
    place.grid(alpha=0.25, linewidth=0.5)
    place.legend(fontsize=8, frameon=False, loc="lower right")
    figure.suptitle("Variance of the unit vectors", fontsize=10, x=0.01, ha="left")
    return png(figure)


def plot_groups(report: GeometryReport) -> bytes:
    """The t-SNE layout of the groups, a panel an encoder, a colour and a number a group; PNG."""
    groups = report.groups
    assert groups is not None
    drawn = [encoder for encoder in report.encoders if encoder.groups is not None]
    figure, places = _grid(len(drawn), (4.8, 4.6), share=False)
    for place, encoder in zip(places, drawn, strict=False):
        _draw_groups(place, encoder, groups.numbers)
    title = f"t-SNE of {len(groups.groups)} groups, {len(groups.texts)} sentences (seed {report.seed})"
    figure.suptitle(title, fontsize=10, x=0.01, ha="left")
    return png(figure)


def _draw_groups(place: Any, encoder: VectorGeometry, numbers: np.ndarray) -> None:
    import matplotlib

    assert encoder.groups is not None
    points = encoder.groups.places
    colours = matplotlib.colormaps["hsv"](np.linspace(0, 1, numbers.max() + 2)[:-1]) * [0.8, 0.75, 0.8, 1]
    for number in range(numbers.max() + 1):
        own = points[numbers == number]
        # The median point, not the mean: of a torn group the mean lies among others.
        middle = np.median(own, axis=0)
        centre = own[np.argmin(((own - middle) ** 2).sum(axis=1))]
        for point in own:
            ends = np.stack([centre, point])
            place.plot(*ends.T, color=colours[number], linewidth=0.6, alpha=0.35, zorder=1)
        place.scatter(*own.T, s=16, color=colours[number], linewidths=0, zorder=2)
        place.annotate(
            str(number + 1),
            centre,
            (4, 4),
            textcoords="offset points",
            fontsize=7,
            color=colours[number] * [0.7, 0.7, 0.7, 1],
            zorder=3,
        )
    place.set_xticks([])
    place.set_yticks([])
    share = 100 * encoder.groups.nearest_share
    place.set_title(f"{short(encoder.name)}\nnearest neighbour in group {share:.0f} %", fontsize=9)


def _grid(count: int, size: tuple[float, float], *, share: bool) -> tuple[Any, list[Any]]:
    columns = min(count, _COLUMNS)
    rows = -(-count // columns)
    figure = canvas((size[0] * columns, size[1] * rows + 0.3))
    places = figure.subplots(rows, columns, squeeze=False, sharex=share, sharey=share).flatten().tolist()
    for place in places[count:]:
        place.set_visible(False)
    return figure, places


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]
