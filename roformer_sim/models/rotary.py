"""Rotary position embedding in Su's interleaved form (RoFormer, arXiv:2104.09864)."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops


def deinterleave(columns: Any, head_size: int) -> Any:
    """Bring the pairs ``(2i, 2i+1)`` of each head to ``(i, i + d/2)`` along the last axis.

    Weights keep Su's interleaved order. Scores are sums over a head's coordinates, so queries and
    keys may be computed with their columns in any common order; in this one a turn is made of
    whole halves, several times faster than picking every other entry.

    Args:
        columns: (..., heads * head_size) kernel or bias of queries or keys.
        head_size: ``d``, even.
    """
    shape = tuple(columns.shape)
    leading = len(shape) - 1
    pairs = ops.reshape(columns, (*shape[:-1], shape[-1] // head_size, head_size // 2, 2))
    halves = ops.transpose(pairs, (*range(leading), leading, leading + 2, leading + 1))
    return ops.reshape(halves, shape)


def rotary_angles(positions: Any, head_size: int) -> tuple[Any, Any]:
    """Cosine and sine of ``position * 10000^(-2i/d)`` for pair ``i``.

    Args:
        positions: (length,) positions, starting at 0.
        head_size: ``d``, even.

    Returns:
        Two float32 tensors of shape (1, length, 1, d/2), ready for (batch, length, heads, d/2).
    """
    frequencies = 10000.0 ** (-2.0 * np.arange(head_size // 2) / head_size)
    angles = ops.cast(positions, "float32")[None, :, None, None] * frequencies.astype("float32")
    return ops.cos(angles), ops.sin(angles)


def apply_rotary(x: Any, cosine: Any, sine: Any) -> Any:
    """Turn each pair by its angle: ``(a, b)`` to ``(a cos - b sin, b cos + a sin)``.

    Args:
        x: (batch, length, heads, head_size) queries or keys in :func:`deinterleave` order.
        cosine, sine: From :func:`rotary_angles`, in the dtype of ``x``.
    """
    a, b = ops.split(x, 2, axis=-1)
    return ops.concatenate([a * cosine - b * sine, b * cosine + a * sine], axis=-1)
