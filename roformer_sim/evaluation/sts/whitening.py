"""Whitening of the vectors of one table, for the columns of the benchmark."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_SMALLEST = 1e-10  # of the largest variance; directions below are rounding noise


def whitened(vectors: npt.NDArray[np.floating], rows: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    """Vectors with mean 0 and covariance 1 over ``rows``, the directions of largest variance first.

    ``y = (x - mean) U diag(1 / sqrt(s))`` with the covariance ``U diag(s) U'``. The first 256 columns are
    what is published as whitening-256. Directions in which the rows do not vary are left out.

    Args:
        vectors: (n, d).
        rows: The rows it is fitted on, repeated as often as they count.

    Returns:
        (n, k), k at most d; k is 0 where all rows are the same.

    Reference:
        Su et al., Whitening Sentence Representations for Better Semantics and Faster Retrieval,
        arXiv:2103.15316.
    """
    x = vectors.astype(np.float64)
    weights = np.bincount(rows, minlength=len(x)) / len(rows)
    x -= weights @ x
    variances, axes = np.linalg.eigh(x.T @ (x * weights[:, None]))
    variances, axes = variances[::-1], axes[:, ::-1]
    kept = variances > max(_SMALLEST * variances[0], np.finfo(np.float64).tiny)
    return np.asarray(x @ (axes[:, kept] / np.sqrt(variances[kept])))
