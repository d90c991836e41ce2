"""Rank correlation, the one figure of the Chinese STS tables."""

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
    x, y = np.asarray(scores, np.float64), np.asarray(labels, np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        raise InputError(f"Spearman needs two rows of one length, not shapes {x.shape} and {y.shape}")
    if len(x) < 2:
        raise InputError(f"Spearman needs at least 2 rows, not {len(x)}")
    if not (np.isfinite(x).all() and np.isfinite(y).all()) or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    # SciPy's statistics take a third of a second to import.
    from scipy.stats import spearmanr

    return float(spearmanr(x, y).statistic)
