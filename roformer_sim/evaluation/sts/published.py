"""Figures that others published on the five Chinese sets, to stand beside ours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from corpus_builder.readers import read_objects
from roformer_sim.evaluation.sts.figures import Variant
from roformer_sim.evaluation.sts.tables import FIVE

_FILE = Path(__file__).with_name("published.tsv")


@dataclass(frozen=True)
class PublishedRow:
    """A row of a published table.

    Attributes:
        system: As its authors call it.
        variant: Pooling and whitening.
        split: Which rows it was measured on, as far as that was said.
        figures: Set to Spearman x 100.
        source: Who published it, where.
    """

    system: str
    variant: Variant
    split: str
    figures: dict[str, float]
    source: str

    @property
    def average(self) -> float:
        """Mean over the five sets."""
        return sum(self.figures.values()) / len(self.figures)


def published_rows() -> list[PublishedRow]:
    """All rows of ``published.tsv``, in its order.

    Example:
        >>> row = published_rows()[0]
        >>> row.system, row.variant.title, row.figures["ATEC"]
        ('SimBERT base', 'P1 raw', 38.5)
    """
    return [
        PublishedRow(
            row["system"],
            Variant(row["pooling"].strip("-"), row["whitening"]),
            row["split"],
            {name: float(row[name]) for name in FIVE},
            row["source"],
        )
        for _, row in read_objects(_FILE)
    ]
