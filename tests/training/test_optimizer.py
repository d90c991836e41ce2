"""AdamW on TensorFlow: Keras's formulas, on the sum of a gradient's parts."""

from __future__ import annotations

import keras
import numpy as np
import pytest

if keras.backend.backend() != "tensorflow":
    pytest.skip("the optimiser is TensorFlow's", allow_module_level=True)

import tensorflow as tf

from roformer_sim.training.devices_tensorflow import SummedAdamW

STEPS = 12


def trained(optimizer_class, **settings):
    """Weights and moments after some steps of random gradients."""
    rng = np.random.default_rng(0)
    variables = [
        keras.Variable(rng.normal(size=shape).astype("float32"), name=name)
        for name, shape in {"kernel": (20, 4), "bias": (4,)}.items()
    ]
    optimizer = optimizer_class(0.02, weight_decay=0.1, beta_2=0.98, **settings)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    optimizer.build(variables)
    for _ in range(STEPS):
        gradients = [tf.constant(rng.normal(size=v.shape), tf.float32) for v in variables]
        optimizer.apply(gradients, variables)
    return [v.numpy() for v in [*variables, *optimizer.variables]]


@pytest.mark.parametrize("settings", [{}, {"global_clipnorm": 1.0}, {"gradient_accumulation_steps": 3}])
def test_the_steps_are_those_of_keras(settings):
    for ours, keras_own in zip(
        trained(SummedAdamW, **settings), trained(keras.optimizers.AdamW, **settings), strict=True
    ):
        np.testing.assert_allclose(ours, keras_own, rtol=1e-5, atol=3e-6)


def test_tokens_that_occur_twice_count_with_the_sum_of_their_gradients():
    table = keras.Variable(np.zeros((3, 2), "float32"))
    optimizer = SummedAdamW(0.1, weight_decay=0.0)
    optimizer.build([table])
    parts = tf.IndexedSlices(tf.constant([[1.0, 2.0], [3.0, -2.0]]), tf.constant([1, 1]), tf.constant([3, 2]))
    optimizer.apply([parts], [table])
    velocity = next(v for v in optimizer.variables if "velocity" in v.path).numpy()
    np.testing.assert_allclose(velocity, [[0, 0], [0.001 * 16, 0], [0, 0]], rtol=1e-4)
