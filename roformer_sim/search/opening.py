"""Opening the files of an index's version, with every mismatch named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.search import kinds, store
from roformer_sim.search.kinds import Kind

_ROWS = 65536  # looked at together


def load_array(path: Path, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """An array mapped from its file.

    Raises:
        InputError: It cannot be read, or has another shape or type.
    """
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    if found.shape != shape or found.dtype != dtype:
        raise InputError(f"{path}: holds {found.dtype} {found.shape}, expected {np.dtype(dtype)} {shape}")
    return np.asarray(found)


def check_vectors(version: Path, vectors: np.ndarray) -> None:
    """Refuse vectors that are not of length 1.

    Raises:
        InputError: One holds NaN or has another length; names the first.
    """
    for start in range(0, len(vectors), _ROWS):
        block = vectors[start : start + _ROWS]
        bad = np.flatnonzero(~(np.abs(np.einsum("nd,nd->n", block, block) - 1) < 1e-3))
        if len(bad):
            raise InputError(
                f"{version / store.VECTORS}: row {start + int(bad[0])} holds NaN or is not of length 1; "
                "build the index again"
            )


def open_neighbours(version: Path, manifest: store.Manifest, vectors: np.ndarray) -> Any:
    """The FAISS index of a version.

    Raises:
        InputError: FAISS is not installed, or its file is damaged or does not fit the vectors.
    """
    if manifest.kind is Kind.FLAT:
        flat = kinds.make_index(Kind.FLAT, vectors)
        flat.add(np.ascontiguousarray(vectors))
        return flat
    index = kinds.read_index(version / store.NEIGHBOURS)
    if index.ntotal != manifest.rows or index.d != manifest.dimension:
        raise InputError(f"{version}: {store.NEIGHBOURS} does not fit {store.VECTORS}; build the index again")
    return index
