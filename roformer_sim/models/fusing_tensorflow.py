"""Islands of XLA in a TensorFlow graph; the matrix products around them stay oneDNN's, which are faster."""

from __future__ import annotations

import functools
from typing import Any

import tensorflow as tf


def fused_on_cpu(function: Any) -> Any:
    """``function``, compiled by XLA for every shape it meets, when a graph calls it on a CPU."""
    compiled = tf.function(function, jit_compile=True, autograph=False)

    @functools.wraps(function)
    def call(*arguments: Any) -> Any:
        # On a GPU XLA needs CUDA's device library, which installations often lack.
        on_cpu = not tf.config.list_physical_devices("GPU")
        return compiled(*arguments) if on_cpu and tf.inside_function() else function(*arguments)

    return call
