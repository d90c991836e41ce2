"""How hard must be searched? The smallest effort that finds the wanted share of the exact neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from roformer_sim.search.exact import exact_neighbours, recall
from roformer_sim.search.kinds import Kind, find, make_index

NEIGHBOURS = 10
TARGET = 0.97
"""Wanted recall@10 of sentences that are not in the index."""

_SAMPLE = 300
_ADDED_AT_ONCE = 65536
_LADDERS = {
    Kind.HNSW: (32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024),
    Kind.IVF: (4, 8, 16, 32, 48, 64, 96, 128, 256, 512),
}


def build_and_tune(kind: Kind, vectors: npt.NDArray[np.float32]) -> tuple[Any, int, float | None]:
    """A FAISS index of the vectors, the effort (efSearch or nprobe) and the recall it reaches.

    The last rows are the questions: they are asked before they are added. A row that is in a graph already
    stands beside its neighbours and finds them with no effort at all, which says nothing about questions
    of users (of a million sentences, efSearch 32 found 0.97 for rows and 0.79 for others).

    Returns:
        The recall is None where there are too few rows to measure it.
    """
    index = make_index(kind, vectors)
    held = min(_SAMPLE, len(vectors) // 10)
    known = vectors[: len(vectors) - held]
    for start in range(0, len(known), _ADDED_AT_ONCE):
        index.add(np.ascontiguousarray(known[start : start + _ADDED_AT_ONCE]))
    if not held or len(known) <= NEIGHBOURS:
        effort, reached = _LADDERS[kind][0], None
    else:
        effort, reached = _tune(index, kind, known, np.ascontiguousarray(vectors[-held:]))
    if held:
        index.add(np.ascontiguousarray(vectors[-held:]))
    return index, effort, reached


def _tune(
    index: Any, kind: Kind, vectors: npt.NDArray[np.float32], queries: npt.NDArray[np.float32]
) -> tuple[int, float]:
    """The smallest effort of the ladder that reaches the target, else its last."""
    exact = exact_neighbours(queries, vectors, NEIGHBOURS)
    none = np.zeros(len(vectors), np.bool_)
    effort, reached = 0, 0.0
    for effort in _LADDERS[kind]:
        rows = find(index, kind, queries, min(3 * NEIGHBOURS, len(vectors)), effort, none)
        reached = recall(queries, vectors, _best(queries, vectors, rows), exact)
        if reached >= TARGET:
            break
    return effort, round(reached, 4)


def _best(
    queries: npt.NDArray[np.float32], vectors: npt.NDArray[np.float32], rows: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """The best of the candidates by their exact vectors, as searching takes them."""
    scores = np.einsum("nd,nkd->nk", queries, vectors[np.maximum(rows, 0)])
    scores[rows < 0] = -np.inf
    order = np.argsort(-scores, axis=1, kind="stable")[:, :NEIGHBOURS]
    return np.take_along_axis(rows, order, axis=1)
