"""The plot of a study: pairs against quality, a panel for each source, a line for each variant."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from corpus_builder.errors import InputError
from corpus_builder.study.quality import Figure
from corpus_builder.study.teachers import Calibration

_COLOURS = ("#3b6ea8", "#c0562b", "#4f8a4c")
_MARKERS = ("o", "s", "^")
_COLUMNS = 2


def plot_curves(lines: Sequence[Figure], calibration: Calibration, level: float, path: Path) -> None:
    """Draw the lines of one teacher as a PNG.

    Across: pairs (logarithmic). Up: share of them whose teacher cosine reaches the teacher's threshold, with
    its standard error. The thresholds 0.3, 0.5, 0.7 and 0.9 are written beside their points. The dashed
    line is where the estimated share of good pairs reaches ``level``.

    Raises:
        InputError: Matplotlib is not installed, or the file cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure as Canvas
        from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter
    except ImportError as error:
        raise InputError("the plot needs Matplotlib: pip install 'roformer-sim[study]'") from error
    sources = list(dict.fromkeys(line.source for line in lines))
    variants = list(dict.fromkeys(line.variant for line in lines))
    rows = -(-len(sources) // _COLUMNS)
    columns = min(len(sources), _COLUMNS)
    canvas = Canvas(figsize=(5.2 * columns, 3.8 * rows), layout="constrained")
    FigureCanvasAgg(canvas)
    panels = canvas.subplots(rows, columns, squeeze=False).flatten().tolist()
    needed = calibration.false_rate + level * (calibration.hit_rate - calibration.false_rate)
    for source, panel in zip(sources, panels, strict=False):
        for number, variant in enumerate(variants):
            curve = [line for line in lines if (line.source, line.variant) == (source, variant)]
            _draw_curve(panel, curve, variant, number)
        panel.axhline(100 * needed, color="#777777", linestyle="--", linewidth=0.8)
        panel.set(xscale="log", title=source, xlabel="pairs", ylabel="teacher agrees, %")
        panel.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=12))
        panel.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        panel.xaxis.set_minor_formatter(NullFormatter())
        panel.tick_params(labelsize=7)
        panel.grid(alpha=0.25, linewidth=0.5)
        panel.legend(fontsize=7)
    for panel in panels[len(sources) :]:
        panel.set_visible(False)
    try:
        canvas.savefig(path, dpi=110, metadata={"Software": None})
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error})") from error


def _draw_curve(panel: Any, curve: Sequence[Figure], variant: str, number: int) -> None:
    colour = _COLOURS[number % len(_COLOURS)]
    panel.errorbar(
        [line.pairs for line in curve],
        [100 * line.above for line in curve],
        [100 * line.error for line in curve],
        color=colour,
        marker=_MARKERS[number % len(_MARKERS)],
        markersize=3.5,
        linewidth=1.2,
        elinewidth=0.6,
        label=variant,
    )
    above = number == 0
    for line in curve:
        if round(100 * line.threshold) % 20 == 10:
            panel.annotate(
                f"{line.threshold:g}",
                (line.pairs, 100 * line.above),
                (4, 4) if above else (-5, -9 * number),
                textcoords="offset points",
                horizontalalignment="left" if above else "right",
                color=colour,
                fontsize=6,
            )
