"""How hard must be searched? The smallest effort that finds the wanted share of the exact neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from roformer_sim.search.exact import exact_neighbours, recall
from roformer_sim.search.kinds import Kind, find

NEIGHBOURS = 10
TARGET = 0.97
"""recall@10 on the index's own vectors; those of questions that are not in it come out somewhat lower."""

_SAMPLE = 200
_LADDERS = {
    Kind.HNSW: (32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024),
    Kind.IVF: (4, 8, 16, 32, 48, 64, 96, 128, 256, 512),
}


def tune(
    index: Any, kind: Kind, vectors: npt.NDArray[np.float32], deleted: npt.NDArray[np.bool_]
) -> tuple[int, float | None]:
    """Effort (efSearch or nprobe) and the recall it reaches; (0, None) for flat, which is exact.

    Queries are vectors of the index itself, each without itself. Candidates are scored again exactly, as
    searching does it.
    """
    alive = np.flatnonzero(~deleted)
    if kind is Kind.FLAT or len(alive) <= NEIGHBOURS + 1:
        return (0 if kind is Kind.FLAT else _LADDERS[kind][0]), None
    own = np.sort(np.random.default_rng(0).choice(alive, min(_SAMPLE, len(alive)), replace=False))
    queries = np.ascontiguousarray(vectors[own])
    exact = exact_neighbours(queries, vectors, NEIGHBOURS, deleted, own)
    effort, reached = 0, 0.0
    for effort in _LADDERS[kind]:
        candidates = find(index, kind, queries, min(3 * NEIGHBOURS, len(alive)), effort, deleted)
        reached = recall(queries, vectors, _best(queries, vectors, candidates, own), exact)
        if reached >= TARGET:
            break
    return effort, round(reached, 4)


def _best(
    queries: npt.NDArray[np.float32],
    vectors: npt.NDArray[np.float32],
    candidates: npt.NDArray[np.int64],
    own: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    scores = np.einsum("nd,nkd->nk", queries, vectors[np.maximum(candidates, 0)])
    scores[(candidates < 0) | (candidates == own[:, None])] = -np.inf
    order = np.argsort(-scores, axis=1, kind="stable")[:, :NEIGHBOURS]
    return np.take_along_axis(candidates, order, axis=1)
