"""Dropout, residual sum and LayerNorm of a post-norm block as one operation with a gradient of its own."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from roformer_sim.models.fusing import fused


def add_and_norm(
    residual: Any,
    x: Any,
    dropout: keras.layers.Dropout,
    norm: keras.layers.LayerNormalization,
    training: bool | None,
) -> Any:
    """``norm(residual + dropout(x))`` of (..., hidden) tensors, with the layers' weights and random state.

    Trained by the written-out gradient of LayerNorm (Ba et al., arXiv:1607.06450): with ``n`` the normalised
    sum, ``s`` its standard deviation and ``g = gamma * upstream``,

        d(residual + dropout(x)) = (g - mean(g) - n * mean(g * n)) / s

    so that a step keeps ``n``, ``1 / s`` and which entries were kept, and goes over the activations a few
    times instead of some thirty. Computed in float32; the result has the dtype of ``x``.
    """
    if not training:
        return norm(residual + x)
    rate = float(dropout.rate)
    uniform = None
    if rate:
        uniform = keras.random.uniform(ops.shape(x), dtype="float32", seed=dropout.seed_generator)
    epsilon, dtype = float(norm.epsilon), keras.backend.standardize_dtype(x.dtype)

    @ops.custom_gradient
    def operation(residual: Any, x: Any, gamma: Any, beta: Any) -> tuple[Any, Any]:
        result, normalised, inverse, kept = _forward(residual, x, gamma, beta, uniform, rate, epsilon)

        def gradient(*arguments: Any, upstream: Any = None) -> Any:
            upstream = upstream if upstream is not None else arguments[0]
            return _backward(upstream, normalised, inverse, kept, gamma, rate)

        return ops.cast(result, dtype), gradient

    # Copies, which are tensors: TensorFlow would have a gradient function look after variables itself.
    return operation(residual, x, ops.copy(norm.gamma), ops.copy(norm.beta))


@fused
def _forward(
    residual: Any, x: Any, gamma: Any, beta: Any, uniform: Any, rate: float, epsilon: float
) -> tuple[Any, Any, Any, Any]:
    total, kept = ops.cast(x, "float32"), None
    if uniform is not None:
        kept = ops.greater_equal(uniform, rate)
        total = ops.where(kept, total * (1.0 / (1.0 - rate)), 0.0)
    total = total + ops.cast(residual, "float32")
    centred = total - ops.mean(total, axis=-1, keepdims=True)
    inverse = ops.rsqrt(ops.mean(ops.square(centred), axis=-1, keepdims=True) + epsilon)
    normalised = centred * inverse
    return normalised * gamma + beta, normalised, inverse, kept


@fused
def _backward(
    upstream: Any, normalised: Any, inverse: Any, kept: Any, gamma: Any, rate: float
) -> tuple[Any, Any, Any, Any]:
    given = ops.cast(upstream, "float32")
    scaled = given * gamma
    along = ops.mean(scaled * normalised, axis=-1, keepdims=True)
    total = inverse * (scaled - ops.mean(scaled, axis=-1, keepdims=True) - normalised * along)
    through = total if kept is None else ops.where(kept, total * (1.0 / (1.0 - rate)), 0.0)
    rows = tuple(range(len(given.shape) - 1))
    dtype = upstream.dtype
    return (
        ops.cast(total, dtype),
        ops.cast(through, dtype),
        ops.sum(given * normalised, axis=rows),
        ops.sum(given, axis=rows),
    )
