"""The plot of a study: pairs against quality, a panel for each source, a line for each variant."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from corpus_builder.errors import InputError
from corpus_builder.study.quality import Figure
from corpus_builder.study.teachers import Calibration

_COLOURS = ("#3b6ea8", "#c0562b", "#4f8a4c")
_MARKERS = ("o", "s", "^")
_COLUMNS = 2


def plot_curves(lines: Sequence[Figure], calibration: Calibration, level: float, path: Path) -> None:
    """Draw the lines of one teacher as a PNG.

    Across: pairs (logarithmic). Up: share of them whose teacher cosine reaches the teacher's threshold, with
    its standard error. Every second threshold is written beside its point. The dashed line is where the
    estimated share of good pairs reaches ``level``.

    Raises:
        InputError: Matplotlib is not installed, or the file cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure as Canvas
    except ImportError as error:
        raise InputError("the plot needs Matplotlib: pip install 'roformer-sim[study]'") from error
    sources = list(dict.fromkeys(line.source for line in lines))
    variants = list(dict.fromkeys(line.variant for line in lines))
    rows = -(-len(sources) // _COLUMNS)
    columns = min(len(sources), _COLUMNS)
    canvas = Canvas(figsize=(5.2 * columns, 3.8 * rows), layout="constrained")
    FigureCanvasAgg(canvas)
    panels = canvas.subplots(rows, columns, squeeze=False).flat
    needed = calibration.false_rate + level * (calibration.hit_rate - calibration.false_rate)
    for panel, source in zip(panels, sources, strict=False):
        for number, variant in enumerate(variants):
            curve = [line for line in lines if (line.source, line.variant) == (source, variant)]
            panel.errorbar(
                [line.pairs for line in curve],
                [100 * line.above for line in curve],
                [100 * line.error for line in curve],
                color=_COLOURS[number % len(_COLOURS)],
                marker=_MARKERS[number % len(_MARKERS)],
                markersize=3.5,
                linewidth=1.2,
                elinewidth=0.6,
                label=variant,
            )
            for line in curve[::2]:
                place = (line.pairs, 100 * line.above)
                panel.annotate(f"{line.threshold:g}", place, (3, 3), textcoords="offset points", fontsize=6)
        panel.axhline(100 * needed, color="#777777", linestyle="--", linewidth=0.8)
        panel.set(xscale="log", title=source, xlabel="pairs", ylabel="teacher agrees, %")
        panel.grid(alpha=0.25, linewidth=0.5)
        panel.legend(fontsize=7)
    for panel in list(panels):
        panel.set_visible(False)
    try:
        canvas.savefig(path, dpi=110, metadata={"Software": None})
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error})") from error
