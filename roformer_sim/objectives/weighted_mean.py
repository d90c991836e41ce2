"""The mean that padding does not move."""

from __future__ import annotations

from typing import Any

from keras import ops


def weighted_mean(values: Any, weights: Any) -> Any:
    """``sum_i w_i x_i / max(1, sum_i w_i)`` of (n,) values in float32; 0 where no weight is set."""
    weights = ops.cast(weights, "float32")
    return ops.sum(ops.cast(values, "float32") * weights) / ops.maximum(ops.sum(weights), 1.0)
