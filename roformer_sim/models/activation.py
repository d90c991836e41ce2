"""The activation functions of BERT's configurations."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from keras import ops

from roformer_sim.models.fusing import fused

Activation = Callable[[Any, bool | None], Any]
"""(tensor, whether this is a training step) to tensor."""


def activation(name: str) -> Activation:
    """``gelu`` is the exact erf form, ``gelu_new`` its tanh approximation."""
    if name == "gelu":
        return exact_gelu
    return tanh_gelu if name == "gelu_new" else relu


def relu(x: Any, training: bool | None = None) -> Any:
    """``max(x, 0)``."""
    return ops.relu(x)


def tanh_gelu(x: Any, training: bool | None = None) -> Any:
    """GELU by its tanh approximation."""
    return ops.gelu(x, approximate=True)


def exact_gelu(x: Any, training: bool | None = None) -> Any:
    """``x Phi(x)``, with Phi the normal distribution; its slope is ``Phi(x) + x exp(-x^2 / 2) / sqrt(2 pi)``.

    The slope is written out because backends do not use the Phi they have once more. With ``training``
    forward and backward are compiled on TensorFlow, see :func:`fused`.
    """
    forward, backward = (_fused_gelu, _fused_gradient) if training else (_gelu, _gradient)

    @ops.custom_gradient
    def operation(x: Any) -> tuple[Any, Any]:
        def gradient(*arguments: Any, upstream: Any = None) -> Any:
            return backward(x, upstream if upstream is not None else arguments[0])

        return forward(x), gradient

    return operation(x)


def _phi(x: Any) -> Any:
    return 0.5 * (1.0 + ops.erf(x * 0.5**0.5))


def _gelu(x: Any) -> Any:
    return x * _phi(x)


def _gradient(x: Any, upstream: Any) -> Any:
    density = ops.exp(-0.5 * ops.square(x)) * (2.0 * math.pi) ** -0.5
    return upstream * (_phi(x) + x * density)


_fused_gelu, _fused_gradient = fused(_gelu), fused(_gradient)
