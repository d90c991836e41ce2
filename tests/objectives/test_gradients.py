"""The losses fall where their gradients point: derivatives against differences of values."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from roformer_sim.objectives import in_batch_softmax, unilm_cross_entropy


def gradient(function, x):
    """Derivative of a scalar function by the backend's own means."""
    if keras.backend.backend() == "jax":
        import jax

        return np.asarray(jax.jit(jax.grad(function))(x))
    import tensorflow as tf

    variable = tf.Variable(x)
    with tf.GradientTape() as tape:
        value = function(variable)
    return tape.gradient(value, variable).numpy()


OBJECTIVES = {
    "in-batch softmax": lambda vectors: in_batch_softmax(vectors, 5.0),
    "unilm": lambda logits: unilm_cross_entropy(
        logits, np.int32([0, 2, 4, 1, 3, 0]), np.float32([1, 1, 0, 1, 1, 1])
    ),
}


@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES.keys())
def test_gradients_are_the_slopes(objective):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((6, 5)).astype(np.float32)
    slope = gradient(objective, x)
    assert np.isfinite(slope).all() and np.abs(slope).max() > 1e-2
    for _ in range(5):
        direction = rng.standard_normal(x.shape).astype(np.float32)
        step = np.float32(1e-2) * direction
        difference = (float(objective(x + step)) - float(objective(x - step))) / 2e-2
        assert difference == pytest.approx(float((slope * direction).sum()), rel=2e-2, abs=2e-3)


def test_padding_of_the_list_gets_no_gradient():
    slope = gradient(OBJECTIVES["unilm"], np.ones((6, 5), np.float32))
    assert (slope[2] == 0).all() and (np.abs(np.delete(slope, 2, 0)).max(axis=-1) > 0).all()


def test_a_zero_vector_spoils_no_gradient():
    vectors = np.float32([[0, 0], [1, 0], [0, 1], [1, 1]])
    objective = OBJECTIVES["in-batch softmax"]
    assert np.isfinite(float(objective(vectors)))
    assert np.isfinite(gradient(objective, vectors)).all()
