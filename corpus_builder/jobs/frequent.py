"""Values that occur in many pieces, counted exactly in bounded memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]

MOST_AT_ONCE = 1 << 24
"""Values held in memory at a time: 128 MB, and as much again while they are sorted."""


def frequent_values(sorted_parts: Sequence[Keys], more_than: int, most_at_once: int = MOST_AT_ONCE) -> Keys:
    """Values that occur more than ``more_than`` times in all parts together, in growing order.

    The range of 64-bit values is cut into slices of equal width; each slice is gathered from all parts and
    counted by itself. Hashes fill the range evenly, so every slice holds about ``most_at_once`` values.

    Args:
        sorted_parts: Arrays in growing order; memory-mapped ones are read a slice at a time.
        more_than: 5 means 6 times or more.
        most_at_once: About how many values to hold in memory.
    """
    total = sum(map(len, sorted_parts))
    slices = max(1, -(-total // most_at_once))
    bounds = [k * (1 << 64) // slices for k in range(1, slices)]
    cuts = [
        [0, *np.searchsorted(part, np.array(bounds, np.uint64)).tolist(), len(part)] for part in sorted_parts
    ]
    found = []
    for k in range(slices):
        # Copies, so that no more than one part is open at a time.
        pieces = [np.array(part[cut[k] : cut[k + 1]]) for part, cut in zip(sorted_parts, cuts, strict=True)]
        values = np.sort(np.concatenate(pieces)) if pieces else np.zeros(0, np.uint64)
        if len(values):
            starts = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
            times = np.diff(np.append(starts, len(values)))
            found.append(values[starts[times > more_than]])
    return np.concatenate(found) if found else np.zeros(0, np.uint64)
