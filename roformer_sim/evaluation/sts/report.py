"""All figures of a benchmark run: as values, as rows of a table, as JSON, CSV and Markdown."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from roformer_sim.evaluation.sts.figures import RAW, Estimate, StsFigure, StsScores, Variant
from roformer_sim.evaluation.sts.measure import Bootstrap
from roformer_sim.evaluation.sts.published import PublishedRow
from roformer_sim.evaluation.sts.tables import FIVE, StsTable

METRIC = "Spearman correlation of score and label, x 100"
MACRO, WEIGHTED = "macro average", "weighted average"
UNDEFINED = "undefined"


@dataclass(frozen=True)
class Row:
    """A row of the table: one variant of one encoder, a figure a column."""

    encoder: str
    variant: Variant
    figures: list[StsFigure]


@dataclass(frozen=True)
class StsReport:
    """Encoders side by side on the same rows, each table named with its split and number of pairs.

    Args:
        tables: What was measured on.
        encoders: What was measured; the first is the one asked about.
        untrained: Which of ``encoders`` is the untrained network, by name; the first is compared with it.
        maxlen: Most tokens of a sentence of a preset.
        bootstrap: How the intervals were made.
        published: Figures of others.
    """

    tables: list[StsTable]
    encoders: list[StsScores]
    untrained: str | None = None
    maxlen: int | None = None
    bootstrap: Bootstrap = field(default_factory=Bootstrap)
    published: list[PublishedRow] = field(default_factory=list)

    @property
    def keys(self) -> list[str]:
        """What each table is called in JSON: its name, with the split or the file where names repeat."""
        for label in ("{0.name}", "{0.name} {0.split}", "{0.file}"):
            keys = [label.format(table) for table in self.tables]
            if len(set(keys)) == len(keys):
                break
        return keys

    @property
    def columns(self) -> list[str]:
        """The tables' keys and the two averages."""
        return [*self.keys, MACRO, WEIGHTED]

    def rows(self) -> Iterator[Row]:
        """Every variant of every encoder, with the averages last."""
        for encoder in self.encoders:
            for variant, figures in encoder.figures.items():
                both = [encoder.macro(variant), encoder.weighted(variant)]
                yield Row(encoder.name, variant, [*figures, *both])

    def gains(self) -> dict[str, float]:
        """First encoder minus untrained network, points by table; empty where there is none.

        The best raw vectors of each by macro average: whitening on the table's own sentences is no merit of
        training, and an untrained network's mean of random vectors is a bag of characters, stronger than its
        [CLS].
        """
        first = self.encoders[0]
        other = next((encoder for encoder in self.encoders if encoder.name == self.untrained), None)
        if other is None:
            return {}
        pairs = zip(first.figures[first.best_of(RAW)], other.figures[other.best_of(RAW)], strict=True)
        return {
            key: a.spearman.value - b.spearman.value for key, (a, b) in zip(self.keys, pairs, strict=True)
        }

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON values; an undefined figure is ``{"undefined": reason}``."""
        result: dict[str, Any] = {
            "metric": METRIC,
            "maxlen": self.maxlen,
            "tables": [
                {"key": key, "name": table.name, "split": table.split, "rows": table.rows, "file": table.file}
                for key, table in zip(self.keys, self.tables, strict=True)
            ],
            "intervals": vars(self.bootstrap) | {"method": self.interval_method()},
            "encoders": [self._encoder(encoder) for encoder in self.encoders],
            "published": [
                {"system": row.system, "pooling": row.variant.pooling, "whitening": row.variant.whitening}
                | {"split": row.split, "spearman": row.figures, "source": row.source}
                for row in self.published
            ],
            "notes": self.notes(),
        }
        if self.untrained is not None:
            result["above_untrained"] = {key: _rounded(points) for key, points in self.gains().items()}
        return result

    def _encoder(self, encoder: StsScores) -> dict[str, Any]:
        scores: dict[str, dict[str, Any]] = {}
        for row in StsReport(self.tables, [encoder]).rows():
            figures = {key: _values(f) for key, f in zip(self.columns, row.figures, strict=True)}
            scores.setdefault(row.variant.pooling or "-", {})[row.variant.whitening or "-"] = figures
        return {
            "name": encoder.name,
            "untrained": encoder.name == self.untrained,
            "dimensions": encoder.dimensions or None,
            "best": encoder.best.title or None,
            "scores": scores,
            "truncated_sentences": dict(zip(self.keys, encoder.truncated, strict=False)),
            "sentences": encoder.sentences,
            "encoding_seconds": round(encoder.encoding_seconds, 2),
            "measuring_seconds": round(encoder.measuring_seconds, 2),
        }

    def to_csv(self) -> str:
        """One line a figure: encoder, pooling, whitening, table, both correlations with their bounds."""
        text = io.StringIO()
        out = csv.writer(text, lineterminator="\n")
        bounds = [f"{kind}{end}" for kind in ("spearman", "pearson") for end in ("", "_low", "_high")]
        out.writerow(["encoder", "pooling", "whitening", "table", "split", "pairs", *bounds, "undefined"])
        pairs = [table.rows for table in self.tables]
        places = [
            *((key, table.split, table.rows) for key, table in zip(self.keys, self.tables, strict=True)),
            (MACRO, "", sum(pairs)),
            (WEIGHTED, "", sum(pairs)),
        ]
        for row in self.rows():
            for place, figure in zip(places, row.figures, strict=True):
                numbers = [_cell(number) for number in (*figure.spearman, *figure.pearson)]
                out.writerow([row.encoder, *row.variant, *place, *numbers, figure.undefined])
        return text.getvalue()

    def to_markdown(self) -> str:
        """The table of Spearman, the notes, and the published figures below."""
        head = ["encoder", "vectors", *(table.title for table in self.tables), "macro", "weighted"]
        lines = [
            [row.encoder, row.variant.title or "-", *(shown(f.spearman) for f in row.figures)]
            for row in self.rows()
        ]
        parts = [f"{METRIC}, with {self.interval_name()}.", markdown_table(head, lines)]
        parts.append("\n".join(f"- {note}" for note in self.notes()))
        if self.published:
            parts += ["Published by others (not on these splits):", markdown_table(*self.published_table())]
        return "\n\n".join(parts) + "\n"

    def published_table(self) -> tuple[list[str], list[list[str]]]:
        """Header and lines of the published figures."""
        lines = [
            [
                *(row.system, row.variant.title, row.split),
                *(f"{value:.2f}" for value in (*row.figures.values(), row.average)),
                row.source,
            ]
            for row in self.published
        ]
        return ["system", "vectors", "split", *FIVE, "macro", "source"], lines

    def interval_name(self) -> str:
        """``95 % intervals``, or that there are none."""
        return (
            f"{100 * self.bootstrap.confidence:g} % intervals" if self.bootstrap.resamples else "no intervals"
        )

    def interval_method(self) -> str:
        """How the intervals were made, in a sentence."""
        if not self.bootstrap.resamples:
            return "No intervals were asked for."
        return (
            f"Intervals hold {100 * self.bootstrap.confidence:g} % of {self.bootstrap.resamples:,} bootstrap "
            "resamples of the pairs of a table (percentiles; ranks made anew in each, the same draws for all "
            f"encoders; seed {self.bootstrap.seed}). Pairs that share a sentence are drawn as if "
            "independent, so where sentences repeat much (BQ) intervals are too narrow."
        )

    def notes(self) -> list[str]:
        """What the figures alone do not say."""
        notes = [self.interval_method()]
        if any(
            variant.whitening not in ("", RAW) for encoder in self.encoders for variant in encoder.figures
        ):
            notes.append(
                "Whitening is fitted on the sentences of the evaluated table itself, both sides, without "
                "labels, as published."
            )
        notes.append(
            f"Macro: mean over the {len(self.tables)} tables ({', '.join(self.keys)}), each counting the "
            "same; weighted: by their pairs."
        )
        for encoder in self.encoders:
            notes += [f"{encoder.name}: {note}." for note in encoder.notes]
            cut = {key: n for key, n in zip(self.keys, encoder.truncated, strict=False) if n}
            if cut:
                counts = ", ".join(f"{name} {count:,}" for name, count in cut.items())
                notes.append(f"{encoder.name}: sentences cut to {self.maxlen} tokens: {counts}.")
            notes += self._why_undefined(encoder)
        gains = self.gains()
        if gains:
            above = sum(points > 0 for points in gains.values())
            notes.append(
                f"{self.encoders[0].name} above {self.untrained} on {above} of {len(gains)} tables "
                "(the best raw vectors of each, by macro average)."
            )
        return notes

    def _why_undefined(self, encoder: StsScores) -> list[str]:
        reasons: dict[tuple[str, str], list[str]] = {}
        for variant, figures in encoder.figures.items():
            for key, figure in zip(self.keys, figures, strict=True):
                if figure.undefined:
                    reasons.setdefault((key, figure.undefined), []).append(variant.title)
        return [
            f"{encoder.name}{' ' if any(titles) else ''}{', '.join(titles)} on {key}: undefined, {reason}."
            for (key, reason), titles in reasons.items()
        ]


def shown(estimate: Estimate, *, interval: bool = True) -> str:
    """``47.07 (45.1-49.0)``, or the word ``undefined``.

    Example:
        >>> shown(Estimate(47.068, 45.12, 48.98))
        '47.07 (45.1 to 49.0)'
    """
    if math.isnan(estimate.value):
        return UNDEFINED
    if not interval or math.isnan(estimate.low):
        return f"{estimate.value:.2f}"
    return f"{estimate.value:.2f} ({estimate.low:.1f} to {estimate.high:.1f})"


def markdown_table(head: list[str], lines: list[list[str]]) -> str:
    """Cells with their ``|`` escaped; figures to the right."""
    rows = [head, ["---"] * 2 + ["---:"] * (len(head) - 2), *lines]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |" for cells in rows)


def _values(figure: StsFigure) -> dict[str, Any]:
    if figure.undefined:
        return {"undefined": figure.undefined}
    values: dict[str, Any] = {}
    for name, estimate in (("spearman", figure.spearman), ("pearson", figure.pearson)):
        values[name] = _rounded(estimate.value)
        if not math.isnan(estimate.low):
            values[f"{name}_interval"] = [_rounded(estimate.low), _rounded(estimate.high)]
    return values


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)


def _cell(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.4f}"
