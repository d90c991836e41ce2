"""The report as one HTML file that needs no network, no script and no other file."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from roformer_sim import __version__
from roformer_sim.evaluation.sts.figures import Estimate
from roformer_sim.evaluation.sts.report import METRIC, Row, StsReport, shown
from roformer_sim.evaluation.sts.tables import FIVE

_TEMPLATE = "page.html.j2"
_PICTURES = ("Spearman with intervals", "Scores by label")


@dataclass(frozen=True)
class Cell:
    """A figure as the page shows it.

    Attributes:
        value: Two decimals, or ``undefined``.
        interval: ``45.1 – 49.0``; empty where there is none.
        hint: Shown when the pointer rests on it: Pearson, or why it is undefined.
        shade: 0 for the lowest of its column, 1 for the highest.
        best: Whether it is the highest.
    """

    value: str
    interval: str
    hint: str
    shade: float
    best: bool


@dataclass(frozen=True)
class Line:
    """A row of the page's table; ``first`` where an encoder's rows begin, ``span`` how many they are."""

    encoder: str
    vectors: str
    cells: list[Cell]
    first: bool
    span: int


def report_page(report: StsReport, pictures: Sequence[bytes]) -> str:
    """The page: table with intervals, notes, pictures, published figures beside ours, inputs.

    Args:
        report: The figures.
        pictures: PNG files, put into the page.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("roformer_sim.evaluation.sts", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    head, published = report.published_table()
    return environment.get_template(_TEMPLATE).render(
        metric=METRIC,
        version=__version__,
        report=report,
        lines=_lines(list(report.rows())),
        images=[
            (title, base64.b64encode(picture).decode())
            for title, picture in zip(_PICTURES, pictures, strict=True)
        ],
        published_head=head,
        published=published,
        ours=_beside_published(report),
    )


def _lines(rows: list[Row]) -> list[Line]:
    columns = [[row.figures[c].spearman.value for row in rows] for c in range(len(rows[0].figures))]
    bounds = []
    for values in columns:
        known = [value for value in values if value == value]
        bounds.append((min(known, default=0.0), max(known, default=0.0)))
    lines, before = [], ""
    for row in rows:
        cells = []
        for figure, (low, high) in zip(row.figures, bounds, strict=True):
            value = figure.spearman.value
            defined = value == value
            shade = (value - low) / (high - low) if defined and high > low else 0.0
            hint = f"Pearson {shown(figure.pearson)}" if defined else figure.undefined
            cells.append(
                Cell(
                    shown(figure.spearman, interval=False),
                    _interval(figure.spearman),
                    hint,
                    round(shade, 3),
                    defined and value == high,
                )
            )
        span = sum(other.encoder == row.encoder for other in rows)
        lines.append(Line(row.encoder, row.variant.title or "–", cells, row.encoder != before, span))
        before = row.encoder
    return lines


def _interval(estimate: Estimate) -> str:
    return f"{estimate.low:.1f} – {estimate.high:.1f}" if estimate.low == estimate.low else ""


def _beside_published(report: StsReport) -> list[list[str]]:
    """The best variant of each encoder in the published table's columns; empty unless all five are here."""
    if len(set(report.keys) & set(FIVE)) < len(FIVE):
        return []
    places = [report.keys.index(name) for name in FIVE]
    splits = ", ".join(dict.fromkeys(report.tables[place].split for place in places))
    lines = []
    for encoder in report.encoders:
        values = [encoder.figures[encoder.best][place].spearman.value for place in places]
        figures = [f"{value:.2f}" if value == value else "undefined" for value in values]
        mean = sum(values) / len(values)
        average = f"{mean:.2f}" if mean == mean else "undefined"
        vectors = encoder.best.title or "–"
        lines.append([encoder.name, vectors, splits, *figures, average, "this report, best variant"])
    return lines
