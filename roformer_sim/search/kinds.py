"""FAISS behind four functions: which kind of index for how many vectors, making, filling and asking it.

Vectors have length 1, so that the inner product is the cosine. What FAISS finds approximately is scored again
with the exact vectors by the caller.

Reference:
    Malkov, Yashunin: Hierarchical Navigable Small World graphs (arXiv:1603.09320); Douze et al.: The Faiss
    library (arXiv:2401.08281).
"""

from __future__ import annotations

import math
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from corpus_builder.errors import InputError

Vectors = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

FLAT_UP_TO, HNSW_UP_TO = 20_000, 4_000_000
"""Beyond the first a comparison with every vector takes milliseconds; beyond the second a graph's links, and
the hours it takes to build, weigh more than the somewhat slower search of lists."""

LINKS = 32
"""HNSW: links of a vector on a level; twice as many on the lowest."""

BUILD_WIDTH = 128
"""HNSW: candidates looked at while a vector is linked (efConstruction)."""

_SEED = 1234
_TRAINING_ROWS_PER_LIST = 64


class Kind(StrEnum):
    """How neighbours are searched."""

    FLAT = "flat"
    """Every vector is compared: exact."""
    IVF = "ivf"
    """Inverted lists around k-means centres; the nearest lists are compared. Small and quick to build."""
    HNSW = "hnsw"
    """A graph of neighbours that is walked. The fastest search; takes the longest to build."""


def choose_kind(count: int) -> Kind:
    """The kind for so many vectors."""
    if count <= FLAT_UP_TO:
        return Kind.FLAT
    return Kind.HNSW if count <= HNSW_UP_TO else Kind.IVF


def faiss_library() -> Any:
    """The module ``faiss``.

    Raises:
        InputError: It is not installed.
    """
    try:
        import faiss
    except ImportError as error:
        raise InputError(f"the index needs FAISS ({error}): pip install 'roformer-sim[search]'") from None
    return faiss


def make_index(kind: Kind, vectors: Vectors) -> Any:
    """A FAISS index of that kind, trained on the vectors and without any in it.

    HNSW and IVF hold a byte a number instead of four (a scalar quantiser trained on a sample).
    """
    faiss = faiss_library()
    count, dimension = vectors.shape
    metric, byte = faiss.METRIC_INNER_PRODUCT, faiss.ScalarQuantizer.QT_8bit
    if kind is Kind.FLAT:
        return faiss.IndexFlatIP(dimension)
    if kind is Kind.HNSW:
        index = faiss.IndexHNSWSQ(dimension, byte, LINKS, metric)
        index.hnsw.efConstruction = BUILD_WIDTH
        index.train(_sample(vectors, 100_000))
        return index
    lists = max(1, min(round(4 * math.sqrt(count)), count // 39))
    # FAISS's Python layer keeps the centres alive as long as the index.
    centres = faiss.IndexFlatIP(dimension)
    index = faiss.IndexIVFScalarQuantizer(centres, dimension, lists, byte, metric, False)
    index.cp.seed, index.cp.spherical = _SEED, True
    index.train(_sample(vectors, _TRAINING_ROWS_PER_LIST * lists))
    return index


def _sample(vectors: Vectors, size: int) -> Vectors:
    """Rows chosen by chance, always the same; all where there are fewer."""
    if len(vectors) <= size:
        return np.ascontiguousarray(vectors, np.float32)
    chosen = np.sort(np.random.default_rng(_SEED).choice(len(vectors), size, replace=False))
    return np.ascontiguousarray(vectors[chosen], np.float32)


def find(
    index: Any, kind: Kind, queries: Vectors, k: int, effort: int, deleted: npt.NDArray[np.bool_]
) -> Rows:
    """Rows of the ``k`` nearest of each query, (n, k); -1 where there are fewer.

    Args:
        effort: HNSW: candidates kept while the graph is walked (efSearch); IVF: lists compared (nprobe).
        deleted: Rows that must not be found.
    """
    faiss = faiss_library()
    selector, bits = None, None
    if deleted.any():
        bits = np.packbits(~deleted, bitorder="little")
        selector = faiss.IDSelectorBitmap(len(bits) * 8, faiss.swig_ptr(bits))
    settings: dict[str, Any] = {} if selector is None else {"sel": selector}
    if kind is Kind.HNSW:
        parameters = faiss.SearchParametersHNSW(efSearch=max(effort, k), **settings)
    elif kind is Kind.IVF:
        parameters = faiss.SearchParametersIVF(nprobe=effort, **settings)
    else:
        parameters = faiss.SearchParameters(**settings)
    _, rows = index.search(np.ascontiguousarray(queries, np.float32), k, params=parameters)
    return np.asarray(rows, np.int64)


def read_index(path: Path) -> Any:
    """Read a FAISS file.

    Raises:
        InputError: It is damaged.
    """
    try:
        return faiss_library().read_index(str(path))
    except RuntimeError as error:
        raise InputError(f"{path}: cannot be read by FAISS: {str(error).splitlines()[0]}") from None


def write_index(index: Any, path: Path) -> None:
    """Write a FAISS file; a full disk is an OSError."""
    try:
        faiss_library().write_index(index, str(path))
    except RuntimeError as error:
        raise OSError(str(error).splitlines()[0]) from error
