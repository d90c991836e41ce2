"""Rotary position embedding in Su's interleaved form (RoFormer, arXiv:2104.09864)."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops


def rotary_angles(positions: Any, head_size: int) -> tuple[Any, Any]:
    """Cosine and sine of ``position * 10000^(-2i/d)`` for the pair ``(2i, 2i+1)``.

    Args:
        positions: (length,) or (batch, length) positions, starting at 0.
        head_size: ``d``, even.

    Returns:
        Two float32 tensors of shape (1 or batch, length, 1, head_size), each value standing twice,
        ready to multiply (batch, length, heads, head_size).
    """
    frequencies = np.repeat(10000.0 ** (-2.0 * np.arange(head_size // 2) / head_size), 2)
    positions = ops.cast(positions, "float32")
    if len(positions.shape) == 1:
        positions = positions[None]
    angles = positions[:, :, None, None] * frequencies.astype("float32")
    return ops.cos(angles), ops.sin(angles)


def apply_rotary(x: Any, cosine: Any, sine: Any) -> Any:
    """Turn each pair ``(x[2i], x[2i+1])`` by its angle.

    Neighbouring entries form a pair. Half-split implementations pair ``x[i]`` with
    ``x[i + d/2]``; weights move between the two only with permuted query and key columns.

    Args:
        x: (batch, length, heads, head_size) queries or keys.
        cosine, sine: From :func:`rotary_angles`, same dtype as ``x``.
    """
    head_size = x.shape[-1]
    pairs = ops.reshape(x, (*ops.shape(x)[:-1], head_size // 2, 2))
    turned = ops.stack([-pairs[..., 1], pairs[..., 0]], axis=-1)
    return x * cosine + ops.reshape(turned, ops.shape(x)) * sine
