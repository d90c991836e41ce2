"""Element-wise formulas that go over memory once, where the backend would go over it once an operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import keras

Function = TypeVar("Function", bound=Callable[..., Any])


def fused(function: Function) -> Function:
    """The function, compiled into few loops where the training step as a whole is not.

    TensorFlow runs a training step operation by operation on a CPU, each reading and writing the whole
    activations; here XLA makes a loop or two of them (docs/training.md has what this saves). On JAX the
    whole step is compiled anyway, and outside a compiled step the function runs as it is.

    Args:
        function: Of tensors, and of Python numbers that are the same in every call; it has no gradient.
    """
    if keras.backend.backend() != "tensorflow":
        return function
    from roformer_sim.models.fusing_tensorflow import fused_on_cpu

    return fused_on_cpu(function)
