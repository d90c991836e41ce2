"""Anisotropy: does the space have a direction that all vectors share, and how many does it use?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from corpus_builder.errors import InputError


def mean_cosine(vectors: np.ndarray) -> float:
    """Mean cosine of two different rows, over all pairs of them; 0 where no direction is preferred.

    Of unit vectors ``(|sum_i x_i|^2 - n) / (n (n - 1))``, exact and linear in n. 1: all the same direction;
    no lower than ``-1 / (n - 1)``.

    Args:
        vectors: (n, d), n at least 2; rows that are the same sentence should stand there once.

    Raises:
        InputError: No matrix of at least two nonzero rows.

    Example:
        >>> mean_cosine(np.array([[1.0, 0.0], [0.0, 2.0]]))
        0.0

    Reference:
        Ethayarajh, arXiv:1909.00512, section 3.2, who estimates it from a sample.
    """
    x = unit_rows(vectors)
    total = np.sum(x, axis=0)
    return float((total @ total - len(x)) / (len(x) * (len(x) - 1)))


def variance_shares(vectors: np.ndarray) -> npt.NDArray[np.float64]:
    """Share of the variance along each principal component of the unit vectors, largest first.

    With the singular values s of the centred rows: ``s_k^2 / sum_j s_j^2``.

    Args:
        vectors: (n, d), n at least 2.

    Returns:
        (min(n, d),), of sum 1; zeros where all directions are the same.

    Raises:
        InputError: No matrix of at least two nonzero rows.
    """
    values = _singular_values(vectors) ** 2
    total = values.sum()
    return values / total if total > 0 else np.zeros_like(values)


def effective_rank(vectors: np.ndarray) -> float:
    """How many dimensions the centred unit vectors use, from 1 to d.

    ``exp(-sum_k p_k log p_k)`` with ``p_k = s_k / sum_j s_j`` of the singular values: d if all are equal, 1
    if there is only one. At most n - 1, so that n should be well above d.

    Args:
        vectors: (n, d), n at least 2.

    Returns:
        0 where all directions are the same.

    Raises:
        InputError: No matrix of at least two nonzero rows.

    Reference:
        Roy & Vetterli, The effective rank, EUSIPCO 2007.
    """
    values = _singular_values(vectors)
    total = values.sum()
    if total == 0:
        return 0.0
    p = values[values > 0] / total
    return float(np.exp(-np.sum(p * np.log(p))))


def unit_rows(vectors: np.ndarray) -> npt.NDArray[np.float64]:
    """Rows scaled to length 1, float64.

    Raises:
        InputError: No matrix of at least two nonzero rows.
    """
    x = np.asarray(vectors, np.float64)
    if x.ndim != 2 or len(x) < 2:
        raise InputError(f"expected a matrix of at least two vectors, not shape {x.shape}")
    lengths = np.linalg.norm(x, axis=1, keepdims=True)
    if not (np.isfinite(lengths) & (lengths > 0)).all():
        raise InputError("a vector is zero or not finite: it has no direction")
    return x / lengths


def _singular_values(vectors: np.ndarray) -> npt.NDArray[np.float64]:
    x = unit_rows(vectors)
    values = np.linalg.svd(x - x.mean(axis=0), compute_uv=False)
    # What is left of equal rows after centring is rounding noise, not variance.
    return np.where(values > 1e-7 * np.sqrt(len(x)), values, 0.0)
