"""Products of rows with packed weight matrices, shared out among threads. Compiled by Numba."""

from __future__ import annotations

from typing import NamedTuple

from roformer_sim.native.compiling import compiled
from roformer_sim.native.microkernel import microkernel
from roformer_sim.native.processor import HAS_INT8, PANEL, TALLEST

_floats = microkernel(2, "float32")
# Where bytes cannot be multiplied no matrix is packed as bytes, and this is never called.
_bytes = microkernel(2, "int8" if HAS_INT8 else "float32")


class Product(NamedTuple):
    """Where the matrices of a place are: those of all blocks, packed side by side.

    Attributes:
        panels, start, bias, scale: Addresses of the arrays of
            :class:`roformer_sim.native.packing.Matrices`.
        outputs: Panels of a matrix; 0 for no matrix.
        steps: Of a panel: inputs, or fours of them.
        in_bytes: 1 for int8, 0 for float32.
    """

    panels: int
    start: int
    bias: int
    scale: int
    outputs: int
    steps: int
    in_bytes: int


@compiled
def product(thread, threads, matrices, layer, rows, x, x_row, scales, out, out_row):  # type: ignore[no-untyped-def]
    """This thread's part of ``out = x @ matrix + bias``.

    The work is divided into panels of outputs by blocks of rows; a thread's part is consecutive, so that it
    reads its own share of the matrix where there are few rows.

    Args:
        matrices: :class:`Product`.
        layer: Which of them.
        x, x_row: Address of the rows, float32 or bytes as the matrices are, and their distance in bytes.
        scales: Address of one number a row, as :func:`roformer_sim.native.rows.quantise` gives it.
        out, out_row: Address of the result, float32, whole panels wide, and its distance of rows in bytes.
    """
    blocks = (rows + TALLEST - 1) // TALLEST
    panels, steps = matrices.outputs, matrices.steps
    first, last = panels * blocks * thread // threads, panels * blocks * (thread + 1) // threads
    before = layer * panels
    for unit in range(first, last):
        panel, block = unit // blocks, unit % blocks
        top, bottom = rows * block // blocks, rows * (block + 1) // blocks
        numbers = matrices.panels + 4 * (before + panel) * steps * PANEL
        start = matrices.start + 4 * (before + panel) * PANEL
        # The next panel is fetched while the rows are gone through, a share with each block of them.
        size = 4 * steps * PANEL
        ahead, ahead_step = numbers + size + size * block // blocks, 4 * PANEL // blocks
        result = out + top * out_row + 4 * panel * PANEL
        place = 4 * (before + panel) * PANEL
        if matrices.in_bytes:
            _bytes(
                bottom - top, x + top * x_row, x_row, numbers, 4 * PANEL, steps, start, result, out_row,
                ahead, ahead_step, scales + 4 * top, matrices.scale + place, matrices.bias + place,
            )  # fmt: skip
        else:
            _floats(
                bottom - top, x + top * x_row, x_row, numbers, 4 * PANEL, steps, start, result, out_row,
                ahead, ahead_step, 0, 0, 0,
            )  # fmt: skip
