"""A model's outputs on JAX, for threads that share it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import keras
import numpy as np


def forward_of(model: keras.Model) -> Callable[[Any], Any]:
    """``model.predict_on_batch`` that leaves the weights where they are.

    Keras gives the weights' memory to the program and takes other memory back. Whoever holds the weights
    meanwhile, another thread or a decoding engine, then has arrays that are deleted.
    """

    @jax.jit
    def run(trainable: list[Any], fixed: list[Any], inputs: Any) -> Any:
        return model.stateless_call(trainable, fixed, inputs, training=False)[0]

    def forward(inputs: Any) -> Any:
        trainable = [variable.value for variable in model.trainable_variables]
        fixed = [variable.value for variable in model.non_trainable_variables]
        return jax.tree.map(np.asarray, run(trainable, fixed, inputs))

    return forward
