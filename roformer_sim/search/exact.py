"""Exact neighbours by comparing with every vector: what an index is measured against. NumPy alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_EQUAL = 1e-6  # round-off of a product of unit vectors in float32
_CELLS = 32 * 2**20  # scores at a time: 128 MB


def exact_neighbours(
    queries: npt.NDArray[np.float32],
    vectors: npt.NDArray[np.float32],
    k: int,
    passed_over: npt.NDArray[np.bool_] | None = None,
    own_rows: npt.NDArray[np.int64] | None = None,
) -> npt.NDArray[np.int64]:
    """Rows of the ``k`` largest products of each query, descending: (n, k).

    Of equal products the lower row counts first. Memory: ``vectors`` may be mapped from a file, it is read in
    blocks.

    Args:
        queries: (n, d).
        vectors: (m, d).
        passed_over: (m,) rows that do not count; at least ``k`` others must be left.
        own_rows: (n,) the row that is the query itself and does not count.
    """
    step = max(1, _CELLS // max(1, len(queries)))
    best = np.full((len(queries), 0), -np.inf, np.float32)
    rows = np.zeros((len(queries), 0), np.int64)
    for start in range(0, len(vectors), step):
        scores = queries @ np.asarray(vectors[start : start + step]).T
        if passed_over is not None:
            scores[:, passed_over[start : start + step]] = -np.inf
        if own_rows is not None:
            inside = np.flatnonzero((own_rows >= start) & (own_rows < start + scores.shape[1]))
            scores[inside, own_rows[inside] - start] = -np.inf
        if scores.shape[1] > k:
            kept = np.sort(np.argpartition(-scores, k - 1, axis=1)[:, :k], axis=1)
            scores = np.take_along_axis(scores, kept, axis=1)
        else:
            kept = np.broadcast_to(np.arange(scores.shape[1]), scores.shape)
        best = np.concatenate([best, scores], axis=1)
        rows = np.concatenate([rows, kept + start], axis=1)
        order = np.argsort(-best, axis=1, kind="stable")[:, :k]
        best, rows = np.take_along_axis(best, order, axis=1), np.take_along_axis(rows, order, axis=1)
    return rows


def recall(
    queries: npt.NDArray[np.float32],
    vectors: npt.NDArray[np.float32],
    found: npt.NDArray[np.int64],
    exact: npt.NDArray[np.int64],
) -> float:
    """Share of the exact neighbours that were found, between 0 and 1.

    What is as similar as the last exact neighbour counts as one: of equal sentences any will do.

    Args:
        queries: (n, d).
        vectors: (m, d).
        found: (n, k) rows that a search gave; -1 for none.
        exact: (n, k) rows of :func:`exact_neighbours`.
    """
    last = np.einsum("nd,nd->n", queries, vectors[exact[:, -1]])
    scores = np.einsum("nd,nkd->nk", queries, vectors[np.maximum(found, 0)])
    return float(((scores >= last[:, None] - _EQUAL) & (found >= 0)).mean())
