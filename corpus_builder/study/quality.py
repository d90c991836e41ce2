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
    """The threshold that a teacher's figures of a source and variant call for; None: no threshold does.

    ``pairs`` and ``good`` are those of that threshold, or of the best one where there is none.
    """

    source: str
    variant: str
    teacher: str
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


def suggest(lines: Iterable[Figure], level: float, band_level: float) -> list[Suggestion]:
    """For each source, variant and teacher the lowest threshold that is good as a whole and at its edge.

    As a whole: the estimated share of good pairs reaches ``level``. At its edge: that of the pairs which this
    threshold adds to the next higher one reaches ``band_level``. The second matters where most pairs are very
    similar: a thousand bad ones at the lower end would not move the share of the whole.
    """
    by_cell: dict[tuple[str, str, str], list[Figure]] = {}
    for line in lines:
        by_cell.setdefault((line.source, line.variant, line.teacher), []).append(line)
    suggestions = []
    for key, cell in by_cell.items():
        fit = [f for f in cell if f.good >= level and f.band_good is not None and f.band_good >= band_level]
        line = min(fit, key=lambda f: f.threshold) if fit else max(cell, key=lambda f: f.good)
        suggestions.append(Suggestion(*key, line.threshold if fit else None, line.pairs, line.good))
    return suggestions


def rounded(row: dict[str, Any], digits: int = 4) -> dict[str, Any]:
    """The row with its floats rounded, for files that people read."""
    return {key: round(value, digits) if isinstance(value, float) else value for key, value in row.items()}
