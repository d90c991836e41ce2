"""Alignment and uniformity: are the vectors of similar sentences near, and those of all spread out?"""

from __future__ import annotations

import numpy as np

from corpus_builder.errors import InputError

_BLOCK = 1024


def alignment(left: np.ndarray, right: np.ndarray) -> float:
    """Mean squared distance of the two vectors of each similar pair, each scaled to length 1.

    ``mean_i |u_i - v_i|^2``, from 0 (the same direction) to 4 (opposite ones); lower is better.

    Args:
        left: (n, d) vectors of the first sentences of similar pairs.
        right: (n, d) vectors of the second ones.

    Returns:
        NaN for no pair.

    Raises:
        InputError: Two matrices of different shapes.

    Example:
        >>> alignment(np.array([[1.0, 0.0]]), np.array([[0.0, 3.0]]))
        2.0

    Reference:
        Wang & Isola, arXiv:2005.10242, equation 4 with exponent 2.
    """
    u, v = _unit(left), _unit(right)
    if u.shape != v.shape:
        raise InputError(f"alignment needs pairs of vectors, not shapes {u.shape} and {v.shape}")
    return float(np.mean(np.sum((u - v) ** 2, axis=1))) if len(u) else float("nan")


def uniformity(vectors: np.ndarray, *, max_rows: int | None = 4096, seed: int = 0) -> float:
    """How evenly vectors, scaled to length 1, lie on the sphere; lower is better.

    ``log mean_{i<j} exp(-2 |x_i - x_j|^2)``, from 0 (all the same) down to about -4 for many directions
    at random. Over all pairs of distinct rows up to ``max_rows``; of more rows, over all pairs of a sample
    of so many. Rows that are the same sentence should stand there once.

    Args:
        vectors: (n, d), n at least 2.
        max_rows: ``None`` for all, whatever it costs: time grows with the square, memory does not.
        seed: Of the sample.

    Returns:
        NaN for fewer than two rows.

    Raises:
        InputError: Not a matrix, or ``max_rows`` below 2.

    Example:
        >>> uniformity(np.array([[1.0, 0.0], [-1.0, 0.0]]))
        -8.0

    Reference:
        Wang & Isola, arXiv:2005.10242, equation 5 with t = 2.
    """
    if max_rows is not None and max_rows < 2:
        raise InputError(f"uniformity is about pairs: max_rows must be at least 2, not {max_rows}")
    x = np.asarray(vectors)
    if max_rows is not None and x.ndim == 2 and len(x) > max_rows:
        x = x[np.sort(np.random.default_rng(seed).choice(len(x), max_rows, replace=False))]
    x = _unit(x)
    if len(x) < 2:
        return float("nan")
    total = 0.0
    for start in range(0, len(x), _BLOCK):
        block = x[start : start + _BLOCK]
        # Of two unit vectors |x - y|^2 = 2 - 2 x.y. Each pair of rows once: this block with what follows it.
        similar = np.exp(np.minimum(4.0 * (block @ x[start:].T) - 4.0, 0.0))
        total += float(np.sum(np.triu(similar[:, : len(block)], 1))) + float(np.sum(similar[:, len(block) :]))
    return float(np.log(total / (len(x) * (len(x) - 1) / 2)))


def _unit(vectors: np.ndarray) -> np.ndarray:
    x = np.asarray(vectors, np.float64)
    if x.ndim != 2:
        raise InputError(f"expected a matrix of vectors, not shape {x.shape}")
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
