"""A teacher's vectors in a student's dimensions: their main axes, turned at random.

The first d principal axes of the vectors (not centred, so that cosines stay cosines) keep most of each; a
fixed random rotation then spreads what they hold evenly over the student's numbers, as LayerNorm leaves them.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from corpus_builder.errors import InputError

AXES = "axes.safetensors"
"""Its file's usual name."""


def fit_axes(blocks: Iterable[np.ndarray], dimension: int, seed: int = 0) -> tuple[np.ndarray, float]:
    """Axes of vectors given block by block.

    Args:
        blocks: (n, e) each; scaled to length 1 here.
        dimension: d, at most e.
        seed: Of the rotation.

    Returns:
        (e, d) float32 with orthonormal columns, and the share of the vectors' squared length that they keep.

    Raises:
        InputError: No vectors, or fewer dimensions than asked for.
    """
    moments, count = None, 0
    for block in blocks:
        rows = np.asarray(block, np.float64)
        rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
        moments = rows.T @ rows if moments is None else moments + rows.T @ rows
        count += len(rows)
    if moments is None or not count:
        raise InputError("no vectors to find axes of")
    if dimension > len(moments):
        raise InputError(f"{dimension} axes of vectors of {len(moments)} dimensions; the student is too wide")
    values, vectors = np.linalg.eigh(moments / count)
    main = vectors[:, ::-1][:, :dimension]
    rotation, triangle = np.linalg.qr(np.random.default_rng(seed).standard_normal((dimension, dimension)))
    # The signs make the rotation one of all alike (Haar), whatever the library's QR gives.
    axes = main @ (rotation * np.sign(np.diag(triangle)))
    return axes.astype(np.float32), float(values[::-1][:dimension].sum() / values.sum())


def write_axes(path: Path, axes: np.ndarray, facts: dict[str, str]) -> None:
    """Write them, and as strings what they were found on."""
    from roformer_sim.checkpoints.preset import write_safetensors

    write_safetensors(path, {"axes": np.ascontiguousarray(axes, np.float32)}, facts)


def read_axes(path: str | Path) -> np.ndarray:
    """(e, d) float32.

    Raises:
        InputError: No such file, or another one.
    """
    from roformer_sim.checkpoints.preset import read_safetensors

    arrays = read_safetensors(Path(path))
    if set(arrays) != {"axes"} or arrays["axes"].ndim != 2 or not np.isfinite(arrays["axes"]).all():
        raise InputError(f"{path}: holds no axes; roformer-sim teacher-start writes them")
    return np.asarray(arrays["axes"], np.float32)
