"""What is computed row by row between the products: activations, LayerNorm, rounding.

Compiled by Numba.
"""

from __future__ import annotations

import numpy as np

from roformer_sim.native.compiling import compiled, part
from roformer_sim.native.instructions import bytes_at, exponential, floats_at, larger, to_byte

GELU, GELU_NEW, RELU = 0, 1, 2
"""Numbers of the activations."""


@part
def gelu(x):  # type: ignore[no-untyped-def]
    """``x Phi(x)``; Phi by formula 7.1.26 of Abramowitz and Stegun, which is right to 1.5e-7."""
    z = min(abs(x) * np.float32(0.7071067811865476), np.float32(6.0))
    t = np.float32(1.0) / (np.float32(1.0) + np.float32(0.3275911) * z)
    tail = np.float32(1.061405429)
    tail = tail * t + np.float32(-1.453152027)
    tail = tail * t + np.float32(1.421413741)
    tail = tail * t + np.float32(-0.284496736)
    tail = tail * t + np.float32(0.254829592)
    # x - x tail / 2 on the right, x tail / 2 on the left.
    half = np.float32(0.5) * x * tail * t * exponential(-z * z)
    return max(x, np.float32(0.0)) - abs(half)


@part
def gelu_new(x):  # type: ignore[no-untyped-def]
    """GELU by its tanh approximation, ``x / (1 + exp(-2 u))``."""
    u = np.float32(0.7978845608028654) * (x + np.float32(0.044715) * x * x * x)
    return x / (np.float32(1.0) + exponential(min(np.float32(-2.0) * u, np.float32(80.0))))


@compiled
def activate(begin, end, x, x_row, width, kind):  # type: ignore[no-untyped-def]
    """The activation of rows ``begin`` to ``end``, in place.

    Args:
        x, x_row: Address of the rows, and their distance in numbers.
        kind: :data:`GELU`, :data:`GELU_NEW` or :data:`RELU`.
    """
    for row in range(begin, end):
        line = floats_at(x + 4 * row * x_row)
        if kind == GELU:
            for i in range(width):
                line[i] = gelu(line[i])
        elif kind == GELU_NEW:
            for i in range(width):
                line[i] = gelu_new(line[i])
        else:
            for i in range(width):
                line[i] = max(line[i], np.float32(0.0))


@compiled
def normalise(begin, end, x, x_row, width, gamma, beta, epsilon):  # type: ignore[no-untyped-def]
    """LayerNorm of rows ``begin`` to ``end``, in place; everything but ``epsilon`` given by address."""
    gammas, betas = floats_at(gamma), floats_at(beta)
    for row in range(begin, end):
        line = floats_at(x + 4 * row * x_row)
        mean = np.float32(0.0)
        for i in range(width):
            mean += line[i]
        mean /= np.float32(width)
        variance = np.float32(0.0)
        for i in range(width):
            difference = line[i] - mean
            variance += difference * difference
        scale = np.float32(1.0) / np.sqrt(variance / np.float32(width) + epsilon)
        for i in range(width):
            line[i] = (line[i] - mean) * scale * gammas[i] + betas[i]


@compiled
def add(begin, end, x, x_row, y, y_row, width):  # type: ignore[no-untyped-def]
    """``x += y`` of rows ``begin`` to ``end``."""
    for row in range(begin, end):
        line, other = floats_at(x + 4 * row * x_row), floats_at(y + 4 * row * y_row)
        for i in range(width):
            line[i] += other[i]


@compiled
def copy(begin, end, x, x_row, y, y_row, width):  # type: ignore[no-untyped-def]
    """``x = y`` of rows ``begin`` to ``end``."""
    for row in range(begin, end):
        line, other = floats_at(x + 4 * row * x_row), floats_at(y + 4 * row * y_row)
        for i in range(width):
            line[i] = other[i]


@compiled
def quantise(begin, end, x, x_row, width, bytes_, bytes_row, scales):  # type: ignore[no-untyped-def]
    """Rows ``begin`` to ``end`` of ``x`` as bytes.

    Each row is divided by its largest absolute value, brought to 127ths and raised by 128, because VNNI
    multiplies unsigned by signed bytes; the matrices' ``start`` takes the 128 away again.

    Args:
        bytes_, bytes_row: Address of the bytes, and the distance of rows.
        scales: Address of one number a row, which bytes are multiplied by to come back.
    """
    of_rows = floats_at(scales)
    for row in range(begin, end):
        line, out = floats_at(x + 4 * row * x_row), bytes_at(bytes_ + row * bytes_row)
        largest = np.float32(1e-12)
        for i in range(width):
            largest = larger(largest, abs(line[i]))
        factor = np.float32(127.0) / largest
        of_rows[row] = largest / np.float32(127.0)
        for i in range(width):
            # Adding a half and cutting rounds; all are positive here.
            out[i] = to_byte(line[i] * factor + np.float32(128.5))
