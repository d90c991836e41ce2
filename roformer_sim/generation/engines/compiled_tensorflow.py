"""Programs of :class:`KerasEngine` on TensorFlow: one graph for all numbers of rows and lengths."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

ROWS = 8
"""Rows are padded to a multiple of this beyond the first few: a new shape costs little."""

CAPACITY = 8
"""A row's own keys and values grow by this many tokens; each step reads all of them."""


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` as a graph, not XLA: on CPUs the matrix products of oneDNN are faster.

    Sizes of axes are left open where calls differ in them, so that it is traced once or twice.
    """
    graph = tf.function(function, autograph=False, reduce_retracing=True)

    def call(*arguments: Any) -> Any:
        return graph(*tf.nest.map_structure(tf.convert_to_tensor, arguments))

    return call
