"""Weight matrices in the order in which the products read them, in float32 or int8."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import numpy as np

from roformer_sim.native.processor import PANEL
from roformer_sim.native.products import Product

Precision = Literal["float32", "int8"]

_CACHE_LINE = 64


class Matrices(NamedTuple):
    """Matrices of the same place in every block, packed.

    Attributes:
        panels: float32 (matrices, panels, in, PANEL), or int8 (matrices, panels, in / 4, PANEL, 4): for each
            output its weights divided by their largest absolute value, in 127ths.
        start: (matrices, panels * PANEL), what sums begin with: the bias, or, int32, -128 times the sum of an
            output's weights.
        bias: (matrices, panels * PANEL) float32, of int8; empty otherwise.
        scale: (matrices, panels * PANEL) float32, of a weight's unit in int8; empty otherwise.
    """

    panels: np.ndarray
    start: np.ndarray
    bias: np.ndarray
    scale: np.ndarray

    def product(self) -> Product:
        """Where it is, for compiled code; valid as long as the arrays live."""
        panels, start, bias, scale = (array.ctypes.data for array in self)
        in_bytes = int(self.panels.dtype == np.int8)
        return Product(panels, start, bias, scale, self.panels.shape[1], self.panels.shape[2], in_bytes)


def padded(outputs: int) -> int:
    """Columns of a product: whole panels."""
    return -(-outputs // PANEL) * PANEL


def pack(kernels: Iterable[np.ndarray], biases: Sequence[np.ndarray], precision: Precision) -> Matrices:
    """Pack ``x @ kernel + bias``: kernels (in, out), looked at one after another, and as many biases (out,).

    Outputs are filled up to whole panels with zeros, inputs of int8 to fours.
    """
    count, outputs = len(biases), len(biases[0])
    panels = padded(outputs) // PANEL
    wide_biases = np.zeros((count, panels * PANEL), np.float32)
    for index, bias in enumerate(biases):
        wide_biases[index, :outputs] = bias
    if precision == "float32":
        packed = _packed_floats(kernels, count, panels)
        nothing = np.empty((count, 0), np.float32)
        return Matrices(packed, wide_biases, nothing, nothing)
    packed, start, scales = _packed_bytes(kernels, count, panels)
    return Matrices(packed, start, wide_biases, scales)


def _packed_floats(kernels: Iterable[np.ndarray], count: int, panels: int) -> np.ndarray:
    packed = np.empty(0, np.float32)
    for index, kernel in enumerate(kernels):
        inputs = len(kernel)
        if index == 0:
            packed = _aligned((count, panels, inputs, PANEL), np.float32)
        wide = _filled(kernel, inputs, panels * PANEL)
        packed[index] = wide.reshape(inputs, panels, PANEL).transpose(1, 0, 2)
    return packed


def _packed_bytes(
    kernels: Iterable[np.ndarray], count: int, panels: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    packed = np.empty(0, np.int8)
    start, scales = np.zeros((count, panels * PANEL), np.int32), np.zeros((count, panels * PANEL), np.float32)
    for index, kernel in enumerate(kernels):
        fours = -(-len(kernel) // 4)
        if index == 0:
            packed = _aligned((count, panels, fours, PANEL, 4), np.int8)
        scale = np.maximum(np.abs(kernel).max(axis=0) / np.float32(127.0), np.float32(1e-12))
        whole = _filled(np.round(kernel / scale), 4 * fours, panels * PANEL).astype(np.int8)
        packed[index] = whole.reshape(fours, 4, panels, PANEL).transpose(2, 0, 3, 1)
        scales[index, : len(scale)] = scale
        start[index] = -128 * whole.sum(axis=0, dtype=np.int32)
    return packed, start, scales


def _filled(kernel: np.ndarray, rows: int, columns: int) -> np.ndarray:
    wide = np.zeros((rows, columns), np.float32)
    wide[: kernel.shape[0], : kernel.shape[1]] = kernel
    return wide


def _aligned(shape: tuple[int, ...], dtype: type) -> np.ndarray:
    """Zeros that begin where a cache line does."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = np.zeros(size + _CACHE_LINE, np.uint8)
    first = -memory.ctypes.data % _CACHE_LINE
    return memory[first : first + size].view(dtype).reshape(shape)
