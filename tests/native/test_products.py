"""Packed products give what NumPy gives, whatever the shapes, the precision and the number of threads."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roformer_sim.native.crew import Crew
from roformer_sim.native.packing import pack, padded
from roformer_sim.native.processor import HAS_INT8
from roformer_sim.native.products import product
from roformer_sim.native.rows import GELU, GELU_NEW, RELU, activate, normalise, quantise

CREWS = {threads: Crew(threads) for threads in (1, 2, 3)}
SHAPES = {
    "rows": st.integers(1, 40),
    "inputs": st.integers(1, 90),
    "outputs": st.integers(1, 110),
    "threads": st.sampled_from(list(CREWS)),
    "seed": st.integers(0, 1000),
}


def made(rows, inputs, outputs, seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, inputs)).astype(np.float32)
    kernels = rng.standard_normal((2, inputs, outputs)).astype(np.float32)
    return x, kernels, rng.standard_normal((2, outputs)).astype(np.float32)


def multiplied(threads, matrices, x, x_row, scales, rows, outputs):
    """By the second of two matrices."""
    out = np.full((rows, padded(outputs)), np.nan, np.float32)
    given_product = matrices.product()

    def run(thread, of_threads, barrier):
        product(
            thread, of_threads, given_product, 1, rows, x.ctypes.data, x_row,
            scales.ctypes.data, out.ctypes.data, 4 * out.shape[1],
        )  # fmt: skip

    CREWS[threads].run(run)
    return out[:, :outputs]


@settings(max_examples=80, deadline=None)
@given(**SHAPES)
def test_float32(rows, inputs, outputs, threads, seed):
    x, kernels, biases = made(rows, inputs, outputs, seed)
    out = multiplied(threads, pack(kernels, biases, "float32"), x, 4 * inputs, x, rows, outputs)
    np.testing.assert_allclose(out, x @ kernels[1] + biases[1], atol=1e-4)


@pytest.mark.skipif(not HAS_INT8, reason="this processor has no VNNI")
@settings(max_examples=80, deadline=None)
@given(**SHAPES)
def test_int8_is_whole_numbers_times_scales(rows, inputs, outputs, threads, seed):
    """The product of rounded rows and rounded outputs, exact but for the last step to float32."""
    x, kernels, biases = made(rows, inputs, outputs, seed)
    x[0] = 0.0  # nothing to divide by
    width = -(-inputs // 4) * 4
    in_bytes, scales = np.full((rows, width), 7, np.uint8), np.empty(rows, np.float32)
    quantise(0, rows, x.ctypes.data, inputs, inputs, in_bytes.ctypes.data, width, scales.ctypes.data)
    out = multiplied(threads, pack(kernels, biases, "int8"), in_bytes, width, scales, rows, outputs)
    unit = np.maximum(np.abs(x).max(axis=1, keepdims=True), 1e-12) / 127
    weight_unit = np.abs(kernels[1]).max(axis=0) / 127
    rounded_x, rounded = np.round(x / unit), np.round(kernels[1] / weight_unit)
    off = np.abs(in_bytes[:, :inputs].astype(int) - 128 - rounded_x)
    assert off.max() <= 1 and off.mean() < 0.01  # ties of rounding
    whole = (in_bytes[:, :inputs].astype(np.int64) - 128) @ rounded.astype(np.int64)
    np.testing.assert_allclose(out, whole * (unit * weight_unit) + biases[1], rtol=2e-5, atol=2e-4)


@pytest.mark.parametrize("kind", [GELU, GELU_NEW, RELU])
def test_activations(kind):
    from scipy.special import erf

    x = np.concatenate([np.linspace(-30, 30, 4001), [0.0, -0.0, 1e-20, -1e-20]]).astype(np.float32)
    wide = x.astype(np.float64)
    expected = {
        GELU: wide * (1 + erf(wide / np.sqrt(2))) / 2,
        GELU_NEW: wide * (1 + np.tanh(np.sqrt(2 / np.pi) * (wide + 0.044715 * wide**3))) / 2,
        RELU: np.maximum(wide, 0),
    }[kind]
    activate(0, 1, x.ctypes.data, len(x), len(x), kind)
    np.testing.assert_allclose(x, expected, rtol=2e-6, atol=5e-7)


def test_layer_norm():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3, 40)).astype(np.float32) * 5 + 2
    gamma, beta = rng.standard_normal((2, 37)).astype(np.float32)
    before = x.astype(np.float64)
    normalise(1, 3, x.ctypes.data, 40, 37, gamma.ctypes.data, beta.ctypes.data, np.float32(1e-5))
    part = before[1:, :37]
    difference = part - part.mean(axis=1, keepdims=True)
    expected = difference / np.sqrt((difference**2).mean(axis=1, keepdims=True) + 1e-5) * gamma + beta
    np.testing.assert_allclose(x[1:, :37], expected, atol=1e-5)
    np.testing.assert_array_equal(x[0], before[0].astype(np.float32))
    np.testing.assert_array_equal(x[:, 37:], before[:, 37:].astype(np.float32))
