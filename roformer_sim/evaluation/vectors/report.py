"""Geometry of several encoders on the same pairs: as values, as rows, as JSON, CSV and Markdown."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Any

import numpy as np

from roformer_sim.evaluation.sts.report import markdown_table
from roformer_sim.evaluation.vectors.groups import TextGroups
from roformer_sim.evaluation.vectors.measure import VectorGeometry
from roformer_sim.evaluation.vectors.pairs import LabelledPairs

COLUMNS = {
    "dimensions": "d",
    "alignment": "alignment (lower)",
    "uniformity": "uniformity (lower)",
    "auc": "AUC",
    "positive_cosine": "cos positives",
    "negative_cosine": "cos negatives",
    "mean_cosine": "mean cosine",
    "variance_1": "first PC",
    "variance_10": "first 10 PCs",
    "effective_rank": "effective rank",
}
"""Keys of JSON and CSV to headings."""
NEAREST = "nearest_in_group"


@dataclass(frozen=True)
class GeometryReport:
    """Encoders side by side.

    Args:
        pairs: What was measured on.
        encoders: The figures of each.
        groups: What was laid out, if anything.
        maxlen: Most tokens of a sentence of a preset.
        seed: Of samples, re-pairings and layout.
    """

    pairs: LabelledPairs
    encoders: list[VectorGeometry]
    groups: TextGroups | None = None
    maxlen: int | None = None
    seed: int = 0

    def columns(self) -> dict[str, str]:
        """Keys to headings, with that of the groups where there are some."""
        return COLUMNS | ({NEAREST: "nearest in group"} if self.groups else {})

    def figures(self, encoder: VectorGeometry) -> dict[str, float]:
        """The encoder's figures by :meth:`columns`."""
        shares = encoder.variance_shares
        found: dict[str, float] = {
            "dimensions": encoder.dimensions,
            "alignment": encoder.alignment,
            "uniformity": encoder.uniformity,
            "auc": encoder.auc,
            "positive_cosine": float(np.mean(encoder.positive_cosines)),
            "negative_cosine": float(np.mean(encoder.negative_cosines)),
            "mean_cosine": encoder.mean_cosine,
            "variance_1": float(shares[0]),
            "variance_10": float(shares[:10].sum()),
            "effective_rank": encoder.effective_rank,
        }
        if encoder.groups is not None:
            found[NEAREST] = encoder.groups.nearest_share
        return found

    def lines(self) -> tuple[list[str], list[list[str]]]:
        """Header and lines of the table."""
        lines = []
        for encoder in self.encoders:
            figures = self.figures(encoder)
            lines.append([encoder.name, *(_shown(key, figures[key]) for key in self.columns())])
        return ["encoder", *self.columns().values()], lines

    def to_dict(self) -> dict[str, Any]:
        """Everything but the single cosines, as JSON values."""
        return {
            "pairs": {
                "file": self.pairs.file,
                "positives": len(self.pairs.positives),
                "positives_are": self.pairs.positives_are,
                "negatives": len(self.pairs.negatives),
                "negatives_are": self.pairs.negatives_are,
                "left_out": self.pairs.left_out,
            },
            "seed": self.seed,
            "maxlen": self.maxlen,
            "encoders": [
                {"name": encoder.name, "sentences": encoder.sentences}
                | {key: round(value, 6) for key, value in self.figures(encoder).items()}
                | {
                    "truncated_sentences": encoder.truncated,
                    "encoding_seconds": round(encoder.seconds, 2),
                    "variance_shares": [round(float(share), 6) for share in encoder.variance_shares],
                }
                for encoder in self.encoders
            ],
            "groups": None if self.groups is None else self._groups(self.groups),
            "notes": self.notes(),
        }

    def _groups(self, groups: TextGroups) -> dict[str, Any]:
        layouts = {e.name: e.groups.places.round(3).tolist() for e in self.encoders if e.groups is not None}
        texts = [
            {"group": int(number) + 1, "text": text}
            for number, text in zip(groups.numbers, groups.texts, strict=True)
        ]
        return {"file": groups.file, "of": groups.of, "texts": texts, "layouts": layouts}

    def to_csv(self) -> str:
        """A line an encoder."""
        text = io.StringIO()
        out = csv.writer(text, lineterminator="\n")
        out.writerow(["encoder", "sentences", *self.columns()])
        for encoder in self.encoders:
            figures = self.figures(encoder)
            numbers = [f"{figures[key]:.6g}" for key in self.columns()]
            out.writerow([encoder.name, encoder.sentences, *numbers])
        return text.getvalue()

    def to_markdown(self) -> str:
        """The table, the notes, and what the numbers in the picture of groups stand for."""
        parts = [markdown_table(*self.lines()), "\n".join(f"- {note}" for note in self.notes())]
        if self.groups is not None:
            parts.append("Groups of the picture (first text of each):")
            parts.append("\n".join(f"{i}. {group[0]}" for i, group in enumerate(self.groups.groups, 1)))
        return "\n\n".join(parts) + "\n"

    def notes(self) -> list[str]:
        """What the figures alone do not say."""
        pairs = self.pairs
        notes = [
            f"{pairs.file}: {len(pairs.positives):,} positives, {pairs.positives_are}; "
            f"{len(pairs.negatives):,} negatives, {pairs.negatives_are}"
            + (f"; {pairs.left_out:,} pairs of labels between are left out." if pairs.left_out else "."),
            "Alignment: mean squared distance of the positives' unit vectors. Uniformity (t = 2), mean "
            "cosine, principal components (PC: share of variance) and effective rank: of the "
            f"{len(pairs.texts):,} distinct sentences.",
        ]
        if len(pairs.texts) > 4096:
            notes.append(f"Uniformity is that of 4,096 of the sentences (seed {self.seed}).")
        for encoder in self.encoders:
            if encoder.truncated:
                cut = f"{encoder.truncated:,} sentences cut to {self.maxlen} tokens"
                notes.append(f"{encoder.name}: {cut}.")
            if len(pairs.texts) <= encoder.dimensions:
                notes.append(
                    f"{encoder.name}: {len(pairs.texts):,} sentences in {encoder.dimensions} dimensions: the "
                    "effective rank is bounded by the sentences; take more."
                )
        if self.groups is not None:
            notes.append(
                f"Groups: {len(self.groups.groups)} of {self.groups.of:,} in {self.groups.file}, "
                f"{len(self.groups.texts)} sentences (seed {self.seed}); nearest in group: share of them "
                "whose nearest neighbour by cosine is of their own group."
            )
        return notes


def _shown(key: str, value: float) -> str:
    if key == "dimensions":
        return f"{value:.0f}"
    if key == "effective_rank":
        return f"{value:.1f}"
    if key in ("variance_1", "variance_10", NEAREST):
        return f"{100 * value:.1f} %"
    return f"{value:.3f}"
