"""Orthonormal bases of what a narrower network keeps of the hidden states."""

from __future__ import annotations

import numpy as np


def stream_basis(states: np.ndarray, size: int) -> tuple[np.ndarray, float]:
    """Columns that keep the mean over the coordinates and the most of everything else.

    LayerNorm takes the mean over the coordinates off, so the direction ``1 = (1, ..., 1)`` must stay what it
    is: the first column of ``Q`` is that direction, the others are the principal directions (largest second
    moments, not centred over rows) of what is left. A reflection ``R`` turns the first column into the new
    ``1``, so that ``U = Q R`` maps the new mean to the old one: ``U 1 / sqrt(size) = 1 / sqrt(width)``.

    Args:
        states: (n, width) hidden states, or the rows of an embedding table.
        size: Columns wanted, at most ``width``.

    Returns:
        ``U``, float64 (width, size) with ``U^T U`` the identity, and the share of the sum of squares that
        ``U U^T`` keeps.
    """
    states = np.asarray(states, np.float64)
    width = states.shape[1]
    centred = states - states.mean(axis=1, keepdims=True)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    ones = np.full((width, 1), width**-0.5)
    directions = vectors[:, ::-1][:, : size - 1]
    directions = directions - ones @ (ones.T @ directions)  # the eigenvector of 0 may be mixed in
    q, triangle = np.linalg.qr(np.concatenate([ones, directions], axis=1))
    q *= np.where(np.diag(triangle) < 0, -1.0, 1.0)
    basis = q @ _reflection(size)
    kept = np.square(states @ basis).sum() / max(np.square(states).sum(), np.finfo(float).tiny)
    return basis, float(kept)


def _reflection(size: int) -> np.ndarray:
    """The Householder reflection that exchanges the first unit vector and ``1 / sqrt(size)``."""
    mirror = np.full(size, -(size**-0.5))
    mirror[0] += 1.0
    length = mirror @ mirror
    return np.eye(size) - (2.0 * np.outer(mirror, mirror) / length if length > 0 else 0.0)
