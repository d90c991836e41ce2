"""Operations of the training step with gradients of their own: the same as those that backends derive."""

from __future__ import annotations

from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras import ops

from roformer_sim.models.activation import exact_gelu
from roformer_sim.models.add_norm import add_and_norm
from roformer_sim.models.attention import attention_weights, split_heads
from roformer_sim.models.rotary import apply_rotary, rotary_angles

BATCH, LENGTH, HEADS, SIZE = 3, 5, 2, 8
WIDTH = HEADS * SIZE


def gradients(function, *arguments):
    """(value, gradients) of ``sum(function(arguments) * weights)`` with fixed weights, in a compiled step."""
    shape = ops.convert_to_numpy(function(*map(ops.convert_to_tensor, arguments))).shape
    weights = np.random.default_rng(9).normal(size=shape).astype("float32")

    def total(*tensors):
        return ops.sum(function(*tensors) * weights)

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        @tf.function(autograph=False)
        def step(*tensors):
            with tf.GradientTape() as tape:
                tape.watch(tensors)
                value = total(*tensors)
            return function(*tensors), tape.gradient(value, tensors)

        value, found = step(*map(tf.constant, arguments))
    else:
        import jax

        value = jax.jit(function)(*arguments)
        found = jax.jit(jax.grad(total, argnums=tuple(range(len(arguments)))))(*arguments)
    return ops.convert_to_numpy(value), [ops.convert_to_numpy(gradient) for gradient in found]


def assert_same(operation, plain, *arguments):
    """Values and all gradients."""
    value, found = gradients(operation, *arguments)
    expected_value, expected = gradients(plain, *arguments)
    np.testing.assert_allclose(value, expected_value, rtol=1e-5, atol=2e-6)
    for gradient, wanted in zip(found, expected, strict=True):
        assert gradient.shape == wanted.shape
        np.testing.assert_allclose(gradient, wanted, rtol=1e-5, atol=5e-6)


@pytest.fixture
def random():
    rng = np.random.default_rng(0)
    return lambda *shape: rng.normal(size=shape).astype("float32")


@pytest.mark.parametrize("training", [False, True])
def test_gelu(random, training):
    def plain(x):
        return 0.5 * x * (1.0 + ops.erf(x / np.float32(np.sqrt(2.0))))

    assert_same(lambda x: exact_gelu(x, training), plain, 3 * random(BATCH, LENGTH, WIDTH))


def a_norm(random):
    norm = keras.layers.LayerNormalization(epsilon=1e-7)
    norm.build((None, None, WIDTH))
    norm.gamma.assign(random(WIDTH))
    norm.beta.assign(random(WIDTH))
    return norm


def test_residual_sum_and_norm(random):
    norm, none = a_norm(random), keras.layers.Dropout(0.0)
    residual, x = random(BATCH, LENGTH, WIDTH), random(BATCH, LENGTH, WIDTH)
    assert_same(
        lambda a, b: add_and_norm(a, b, none, norm, True),
        lambda a, b: norm(a + b),
        residual,
        x,
    )


def test_the_norms_own_weights_have_the_gradients_of_layer_normalization(random):
    layer = a_norm(random)

    class Norm:
        epsilon = layer.epsilon

        def __init__(self, gamma, beta):
            self.gamma, self.beta = gamma, beta

    x = random(BATCH, LENGTH, WIDTH)

    def plain(gamma, beta):
        centred = x - x.mean(-1, keepdims=True)
        return centred / np.sqrt(np.square(centred).mean(-1, keepdims=True) + 1e-7) * gamma + beta

    def operation(gamma, beta):
        none = keras.layers.Dropout(0.0)
        return add_and_norm(ops.zeros_like(x), ops.convert_to_tensor(x), none, Norm(gamma, beta), True)

    assert_same(operation, plain, random(WIDTH), random(WIDTH))


def test_dropout_before_the_norm_drops_its_share_and_lets_no_gradient_through_there(random):
    norm = keras.layers.LayerNormalization(epsilon=1e-7)
    norm.build((None, None, WIDTH))
    rate, rows = 0.25, 400
    x = random(rows, LENGTH, WIDTH)

    # A number for a seed draws the same in every call, so that it may be compiled on every backend.
    dropout = SimpleNamespace(rate=rate, seed_generator=7)

    def operation(residual, x):
        return add_and_norm(residual, x, dropout, norm, True)

    _, (of_residual, of_x) = gradients(operation, np.zeros_like(x), x)
    kept = of_x != 0
    np.testing.assert_allclose(of_x[kept], of_residual[kept] / (1 - rate), rtol=1e-5)
    deviation = np.sqrt(rate * (1 - rate) / kept.size)
    assert abs(kept.mean() - (1 - rate)) < 4 * deviation


@pytest.mark.parametrize("rotary", [True, False])
def test_heads(random, rotary):
    angles = rotary_angles(np.arange(LENGTH), SIZE) if rotary else None

    def plain(qkv, offset):
        parts = ops.reshape(qkv + offset, (BATCH, LENGTH, 3, HEADS, SIZE))
        query, key, value = (parts[:, :, i] for i in range(3))
        if angles is not None:
            query, key = apply_rotary(query, *angles), apply_rotary(key, *angles)
        parts = ops.stack([query / np.float32(np.sqrt(SIZE)), key, value])
        return ops.transpose(parts, (0, 1, 3, 2, 4))

    assert_same(
        lambda qkv, offset: ops.stack(list(split_heads(qkv, offset, angles, HEADS, True))),
        plain,
        random(BATCH, LENGTH, 3 * WIDTH),
        random(3 * WIDTH),
    )


def test_attention_weights(random):
    bias = np.where(random(BATCH, 1, LENGTH, LENGTH) > 1, -1e9, 0.0).astype("float32")
    none = keras.layers.Dropout(0.0)
    assert_same(
        lambda scores: attention_weights(scores, bias, none, True),
        lambda scores: ops.softmax(scores + bias, axis=-1),
        random(BATCH, HEADS, LENGTH, LENGTH),
    )


def test_dropped_attention_weights_are_zero_and_the_others_scaled(random):
    scores, rate = random(200, HEADS, LENGTH, LENGTH), 0.25
    dropout = keras.layers.Dropout(rate, seed=7)
    weights = ops.convert_to_numpy(attention_weights(ops.convert_to_tensor(scores), 0.0, dropout, True))
    kept = weights != 0
    softmax = ops.convert_to_numpy(ops.softmax(scores, axis=-1))
    np.testing.assert_allclose(weights[kept], softmax[kept] / (1 - rate), rtol=1e-5)
    assert abs(kept.mean() - (1 - rate)) < 4 * np.sqrt(rate * (1 - rate) / kept.size)
