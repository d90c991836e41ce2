"""Where rows stand: padded numbers of them, and the grid of sources and their rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def padded(number: int, multiple: int | None = None) -> int:
    """``number`` rounded up, so that programs meet few shapes.

    To 1, 2, 4, 8, and on to a multiple of ``multiple``, or without one to powers of two and one and a half
    of them: 12, 16, 24, 32.
    """
    power = 1 << max(number - 1, 0).bit_length()
    if number <= 8:
        return power
    if multiple is not None:
        return -(-number // multiple) * multiple
    return power * 3 // 4 if number <= power * 3 // 4 else power


def grid_of(source_of: np.ndarray, sources: int, multiple: int | None) -> tuple[np.ndarray, np.ndarray]:
    """The grid (sources, rows of a source) of row numbers, and each row's place in it.

    Args:
        source_of: (rows,) the source of each row, not falling.
        sources: Sources, those without rows included.
    """
    counts = np.bincount(source_of, minlength=sources)
    width = padded(int(counts.max()), multiple)
    number = np.arange(len(source_of)) - np.repeat(np.cumsum(counts) - counts, counts)
    places = (source_of * width + number).astype(np.int32)
    rows = np.zeros(sources * width, np.int32)
    rows[places] = np.arange(len(source_of))
    return rows.reshape(sources, width), places


def padded_ids(sources: Sequence[Sequence[int]], count: int, pad_id: int) -> np.ndarray:
    """Sources side by side, (count, length) int32; rows beyond the sources repeat the first."""
    length = -(-max(map(len, sources)) // 8) * 8
    ids = np.full((count, length), pad_id, np.int32)
    for row, source in zip(ids, [*sources, *[sources[0]] * (count - len(sources))], strict=True):
        row[: len(source)] = source
    return ids
