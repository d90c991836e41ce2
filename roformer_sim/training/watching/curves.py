"""``curves.png``: what metrics.csv says, one small panel a figure, training and validation together."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from corpus_builder.errors import InputError
from roformer_sim.training.watching.metric_names import COLUMNS
from roformer_sim.training.watching.metrics_file import Row
from roformer_sim.training.watching.replaced_file import replace_file

_COLOURS = ("#3b6ea8", "#c0562b", "#4f8a4c", "#8a5a9e", "#b08a2e", "#4a9aa0", "#7a7a7a", "#a84a6a")
_COLUMNS = 3
_TITLES = {
    "sts": "STS, Spearman x 100",
    "learning_rate": "learning rate",
    "tokens_per_second": "useful tokens/s",
    "uniformity": "uniformity (lower is better)",
    "alignment": "alignment (lower is better)",
}

Panel = tuple[str, list[tuple[str, str]]]
"""A panel's title, and of each line its label and column."""


def plots_available() -> bool:
    """Whether Matplotlib is installed; without it there are no curves and nothing else changes."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        return False
    return True


def panels(rows: Sequence[Row]) -> list[Panel]:
    """Which panels the figures of a run make: losses first, accuracies, STS, then geometry, rate and speed.

    Example:
        >>> panels([{"step": 10, "loss": 5.1, "val_loss": 5.3, "sts_ATEC": 20.1, "sts_BQ": 30.2}])
        [('loss', [('training', 'loss'), ('validation', 'val_loss')]), \
('STS, Spearman x 100', [('ATEC', 'sts_ATEC'), ('BQ', 'sts_BQ')])]
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    last = ["alignment", "uniformity", "learning_rate", "tokens_per_second"]
    terms = dict.fromkeys(
        name.removeprefix("val_")
        for name in names
        if name not in (*COLUMNS, *last) and not name.startswith("sts_")
    )
    ordered = sorted(terms, key=lambda name: (name.endswith("accuracy"), name != "loss"))
    result: list[Panel] = []
    for term in ordered:
        lines = [("training", term), ("validation", f"val_{term}")]
        result.append((term.replace("_", " "), [line for line in lines if line[1] in names]))
    sts = [(name.removeprefix("sts_"), name) for name in names if name.startswith("sts_")]
    if sts:
        result.append((_TITLES["sts"], sts if len(sts) != 2 or sts[1][0] != "mean" else sts[:1]))
    return result + [(_TITLES[name], [("", name)]) for name in last if name in names]


def draw_curves(rows: Sequence[Row], path: str | Path, title: str = "") -> None:
    """Draw the figures of a run against its steps, as a PNG that is whole or absent.

    Args:
        rows: As :func:`~roformer_sim.training.watching.metrics_file.read_metrics` returns them.
        path: The file; an existing one is replaced.
        title: Above all panels.

    Raises:
        InputError: Matplotlib is not installed, no figure to draw, or the file cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure as Canvas
    except ImportError as error:
        raise InputError("the curves need Matplotlib: pip install 'roformer-sim[plots]'") from error
    path, wanted = Path(path), panels(rows)
    if not wanted:
        raise InputError(f"{path}: no figure to draw")
    columns = min(_COLUMNS, len(wanted))
    height = -(-len(wanted) // columns)
    canvas = Canvas(figsize=(3.9 * columns, 2.6 * height + 0.3), layout="tight")
    FigureCanvasAgg(canvas)
    places = canvas.subplots(height, columns, squeeze=False).flatten().tolist()
    for place, (name, lines) in zip(places, wanted, strict=False):
        _draw_panel(place, name, lines, rows)
    for place in places[len(wanted) :]:
        place.set_visible(False)
    if title:
        canvas.suptitle(title, fontsize=9)
    picture = io.BytesIO()
    canvas.savefig(picture, dpi=100, format="png", metadata={"Software": None})
    replace_file(path, picture.getvalue())


def _draw_panel(place: Any, title: str, lines: Sequence[tuple[str, str]], rows: Sequence[Row]) -> None:
    for number, (label, column) in enumerate(lines):
        points = [(row["step"], row[column]) for row in rows if column in row]
        steps, values = [step for step, _ in points], [value for _, value in points]
        few = len(points) <= 40
        mean = column == "sts_mean"
        place.plot(
            steps,
            values,
            color="black" if mean else _COLOURS[number % len(_COLOURS)],
            linestyle="--" if mean else "-",
            linewidth=1.1,
            marker="o" if few and (number or column.startswith("sts_")) else None,
            markersize=2.5,
            label=label,
        )
    if lines[0][1] == "tokens_per_second":
        place.set_ylim(bottom=0)
    place.set_title(title, fontsize=8)
    place.set_xlabel("step", fontsize=7)
    place.tick_params(labelsize=6.5)
    place.grid(alpha=0.25, linewidth=0.5)
    if len(lines) > 1:
        place.legend(fontsize=6, frameon=False)
