"""What an encoder reaches on a table: two correlations, their intervals, or why there are none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from roformer_sim.evaluation.sts.bootstrap import percentile_interval

RAW, WHITENING, WHITENING_256 = "raw", "whitening", "whitening-256"
NAN = float("nan")


class Variant(NamedTuple):
    """Which vectors: the pooling as the encoder calls it, and what was done to them."""

    pooling: str
    whitening: str

    @property
    def title(self) -> str:
        """``P1 whitening-256``; empty for a score that needs no vectors."""
        return " ".join(part for part in self if part)


class Estimate(NamedTuple):
    """A correlation x 100 and its interval; NaN where undefined or not asked for."""

    value: float = NAN
    low: float = NAN
    high: float = NAN


UNKNOWN = Estimate()


@dataclass(frozen=True)
class StsFigure:
    """The correlations of one variant with the labels of one table, or their average over tables.

    Attributes:
        spearman, pearson: x 100.
        undefined: Why there are no correlations; empty where there are.
        draws: (2, resamples): Spearman and Pearson of each resample, which averages are made of.
    """

    spearman: Estimate = UNKNOWN
    pearson: Estimate = UNKNOWN
    undefined: str = ""
    draws: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty((2, 0)), repr=False)

    @classmethod
    def of(cls, values: Sequence[float], draws: npt.NDArray[np.float64], confidence: float) -> StsFigure:
        """From Spearman and Pearson x 100 and their draws, of the same scale."""
        spearman, pearson = (
            Estimate(float(value), *percentile_interval(row, confidence))
            for value, row in zip(values, draws, strict=True)
        )
        return cls(spearman, pearson, "", draws)


def average(figures: Sequence[StsFigure], weights: Sequence[float], confidence: float = 0.95) -> StsFigure:
    """Weighted mean of figures on several tables; undefined as soon as one of them is.

    The tables' resamples are independent, so the mean of their draws is a draw of the mean.
    """
    missing = [figure.undefined for figure in figures if figure.undefined]
    if missing:
        return StsFigure(undefined=f"{len(missing)} of {len(figures)} tables are undefined")
    shares = np.asarray(weights, np.float64) / np.sum(weights)
    values = shares @ np.array([[f.spearman.value, f.pearson.value] for f in figures])
    draws = np.tensordot(shares, np.stack([figure.draws for figure in figures]), 1)
    return StsFigure.of(values, draws, confidence)


@dataclass(frozen=True)
class StsScores:
    """What one encoder reaches on each table.

    Attributes:
        name: Of the encoder.
        figures: Variant to a figure a table, in the order of the tables.
        rows: Pairs of each table.
        truncated: Distinct sentences of each table cut to the longest length; empty where not counted.
        sentences: Distinct sentences encoded, summed over the tables.
        dimensions: Columns of its vectors; 0 where it has none.
        encoding_seconds, measuring_seconds: Time of the encoding, and of all after it.
        confidence: Of the intervals.
        notes: What else must be said of the figures.
        best_scores: The best variant's score of each pair, a row a table.
    """

    name: str
    figures: dict[Variant, list[StsFigure]]
    rows: list[int]
    truncated: list[int] = field(default_factory=list)
    sentences: int = 0
    dimensions: int = 0
    encoding_seconds: float = 0.0
    measuring_seconds: float = 0.0
    confidence: float = 0.95
    notes: list[str] = field(default_factory=list)
    best_scores: list[npt.NDArray[np.float64]] = field(default_factory=list, repr=False)

    def macro(self, variant: Variant) -> StsFigure:
        """Mean over the tables, each counting the same."""
        return average(self.figures[variant], [1.0] * len(self.rows), self.confidence)

    def weighted(self, variant: Variant) -> StsFigure:
        """Mean over the tables, each by its number of pairs."""
        return average(self.figures[variant], self.rows, self.confidence)

    @property
    def best(self) -> Variant:
        """The variant with the highest macro average of Spearman; the first where none is defined."""
        return self.best_of()

    def best_of(self, whitening: str | None = None) -> Variant:
        """The same among the variants of one whitening; ``None`` for all."""
        variants = [variant for variant in self.figures if whitening in (None, variant.whitening)]
        return max(variants, key=lambda v: np.nan_to_num(self.macro(v).spearman.value, nan=-math.inf))
