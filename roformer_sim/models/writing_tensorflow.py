"""Writing into a tensor, which TensorFlow's usual operations do in a copy."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def write_in_place(kept: Any, token: Any, time: Any) -> Any:
    """See :func:`roformer_sim.models.writing.write_token`."""
    rows, heads, capacity, size = tf.unstack(tf.shape(kept))
    lines = tf.range(rows * heads) * capacity + time
    flat = tf.raw_ops.InplaceUpdate(x=tf.reshape(kept, (-1, size)), i=lines, v=tf.reshape(token, (-1, size)))
    written = tf.reshape(flat, (rows, heads, capacity, size))
    written.set_shape(kept.shape)
    return written
