"""How well a score keeps similar pairs apart from the others."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from corpus_builder.errors import InputError


def auc(positives: npt.ArrayLike, negatives: npt.ArrayLike) -> float:
    """Area under the ROC curve: the chance that a positive scores above a negative, ties counting half.

    ``(sum of the positives' mean ranks - p (p + 1) / 2) / (p n)`` (Mann and Whitney); 1: all above.

    Raises:
        InputError: One of them is empty, or a score is not a number.

    Example:
        >>> auc([0.9, 0.5], [0.5, 0.1])
        0.875
    """
    p, n = np.asarray(positives, np.float64), np.asarray(negatives, np.float64)
    both = np.concatenate([p, n])
    if not len(p) or not len(n) or np.isnan(both).any():
        raise InputError(f"AUC needs scores of both kinds, not {len(p)} and {len(n)}, and none that is NaN")
    ranks = rankdata(both)[: len(p)]
    return float((ranks.sum() - len(p) * (len(p) + 1) / 2) / (len(p) * len(n)))
