"""The figures of a study: how many pairs each threshold gives and how good they are."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from corpus_builder.study.cells import Cells
from corpus_builder.study.teachers import Calibration, VectorCache


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table: a source, a variant, a threshold, a teacher.

    Attributes:
        pairs: that the miner gives at this threshold.
        judged: pairs of the sample at or above it.
        cosine: mean teacher cosine of the pairs.
        above: share of them whose cosine reaches the teacher's threshold.
        error: standard error of ``above`` from the sampling.
        good: estimated share of good pairs, see :meth:`Calibration.good_share`.
        band_pairs, band_above, band_good: the same of the pairs that this threshold adds to the next higher
            one, its band of similarity; None where the band is empty.
    """

    source: str
    kind: str
    variant: str
    threshold: float
    teacher: str
    pairs: int
    judged: int
    cosine: float
    above: float
    error: float
    good: float
    band_pairs: int
    band_above: float | None
    band_good: float | None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The lowest threshold of a source and variant at which the level is reached; None: nowhere."""

    source: str
    variant: str
    threshold: float | None
    pairs: int
    good: float


def band_cosines(cells: Cells, cache: VectorCache, sample: int, seed: int) -> list[npt.NDArray[np.float64]]:
    """The teacher's cosines of at most ``sample`` sampled pairs of each band."""
    chosen = [
        rows if len(rows) <= sample else random.Random(f"{seed}/{n}").sample(rows, sample)
        for n, rows in enumerate(cells.samples)
    ]
    cosines = cache.cosines([(a, b) for rows in chosen for a, b, _ in rows])
    return np.split(cosines, np.cumsum([len(rows) for rows in chosen])[:-1])


def figures(
    names: tuple[str, str, str, str],
    cells: Cells,
    cosines: Sequence[npt.NDArray[np.float64]],
    thresholds: Sequence[float],
    calibration: Calibration,
) -> list[Figure]:
    """The lines of one source and variant; thresholds without pairs are left out.

    The share at a threshold is the mean of its bands' shares weighted by their pairs (stratified sampling):
    ``p = Σ_n w_n p_n`` with ``w_n`` the share of band n among the pairs, and standard error
    ``sqrt(Σ_n w_n^2 p_n (1 - p_n) / m_n)`` for m_n judged pairs of band n.

    Args:
        names: source, kind, variant, teacher.
        cells: counts of each band.
        cosines: the teacher's, of the sample of each band.
    """
    source, kind, variant, teacher = names
    lines = []
    for k, threshold in enumerate(thresholds):
        judged = [n for n in range(k, len(thresholds)) if cells.counts[k][n] and len(cosines[n])]
        if not judged:
            continue
        weights = np.array([cells.counts[k][n] for n in judged], float)
        weights /= weights.sum()
        shares = np.array([(cosines[n] >= calibration.threshold).mean() for n in judged])
        sizes = np.array([len(cosines[n]) for n in judged])
        above = float(weights @ shares)
        band_above = float(shares[0]) if judged[0] == k else None
        lines.append(
            Figure(
                source,
                kind,
                variant,
                threshold,
                teacher,
                cells.pairs(k),
                int(sizes.sum()),
                float(weights @ np.array([cosines[n].mean() for n in judged])),
                above,
                math.sqrt(float((weights**2 * shares * (1 - shares) / sizes).sum())),
                calibration.good_share(above),
                cells.counts[k][k],
                band_above,
                None if band_above is None else calibration.good_share(band_above),
            )
        )
    return lines


def suggest(lines: Iterable[Figure], level: float) -> list[Suggestion]:
    """For each source and variant the lowest threshold whose estimated share of good pairs reaches the level.

    Lines of one teacher. Where no threshold does, the best one's figures stand there without it.
    """
    by_cell: dict[tuple[str, str], list[Figure]] = {}
    for line in lines:
        by_cell.setdefault((line.source, line.variant), []).append(line)
    suggestions = []
    for (source, variant), cell in by_cell.items():
        reached = [line for line in cell if line.good >= level]
        line = min(reached, key=lambda f: f.threshold) if reached else max(cell, key=lambda f: f.good)
        threshold = line.threshold if reached else None
        suggestions.append(Suggestion(source, variant, threshold, line.pairs, line.good))
    return suggestions


def rounded(row: dict[str, Any], digits: int = 4) -> dict[str, Any]:
    """The row with its floats rounded, for files that people read."""
    return {key: round(value, digits) if isinstance(value, float) else value for key, value in row.items()}
