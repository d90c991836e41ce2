"""Correlation of scores with labels: Spearman's, the figure of the Chinese STS tables, and Pearson's."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from corpus_builder.errors import InputError


def spearman(scores: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Spearman's rank correlation of two rows of numbers, between -1 and 1; equal values share a mean rank.

    Args:
        scores: (n,) what a model says of each pair.
        labels: (n,) what people say.

    Returns:
        NaN where no ranking exists: all scores equal, all labels equal, or one of them not a number.

    Raises:
        InputError: different lengths, or fewer than two rows.

    Example:
        >>> spearman([0.9, 0.2, 0.5], [5, 1, 3])
        1.0

    Reference:
        Spearman, The proof and measurement of association between two things, 1904.
    """
    x, y = _checked(scores, labels, "Spearman")
    if _undefined(x, y):
        return float("nan")
    # SciPy's statistics take a third of a second to import.
    from scipy.stats import spearmanr

    return float(spearmanr(x, y).statistic)


def pearson(scores: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Pearson's linear correlation of two rows of numbers, between -1 and 1.

    ``sum (x - mean x)(y - mean y) / sqrt(sum (x - mean x)^2 sum (y - mean y)^2)``. Arguments, errors and
    where it is NaN: as :func:`spearman`.

    Example:
        >>> round(pearson([1, 2, 4], [1, 2, 3]), 4)
        0.982
    """
    x, y = _checked(scores, labels, "Pearson")
    if _undefined(x, y):
        return float("nan")
    x, y = x - x.mean(), y - y.mean()
    return float(np.clip((x @ y) / np.sqrt((x @ x) * (y @ y)), -1, 1))


def _checked(
    scores: npt.ArrayLike, labels: npt.ArrayLike, name: str
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    x, y = np.asarray(scores, np.float64), np.asarray(labels, np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        raise InputError(f"{name} needs two rows of one length, not shapes {x.shape} and {y.shape}")
    if len(x) < 2:
        raise InputError(f"{name} needs at least 2 rows, not {len(x)}")
    return x, y


def _undefined(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> bool:
    return not (np.isfinite(x).all() and np.isfinite(y).all()) or np.ptp(x) == 0 or np.ptp(y) == 0
