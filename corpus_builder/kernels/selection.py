"""Choosing among texts that lie end to end."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from corpus_builder.kernels.compiling import compiled
from corpus_builder.kernels.texts import Codes, Offsets

Keys = npt.NDArray[np.uint64]
Chosen = npt.NDArray[np.int64]

_CHINESE_FIRST, _CHINESE_LAST = 0x3400, 0x9FFF


def chinese_counts(codes: Codes, offsets: Offsets) -> npt.NDArray[np.int64]:
    """How many characters of each text are Chinese (U+3400 to U+9FFF)."""
    inside = (codes >= _CHINESE_FIRST) & (codes <= _CHINESE_LAST)
    total = np.zeros(len(codes) + 1, np.int64)
    np.cumsum(inside, out=total[1:])
    return total[offsets[1:]] - total[offsets[:-1]]


def is_among(keys: Keys, among: Keys) -> npt.NDArray[np.bool_]:
    """Which of the keys stand in ``among``, a growing array (memory-mapped ones stay on disk)."""
    if not len(among):
        return np.zeros(keys.shape, bool)
    places = np.searchsorted(among, keys)
    places[places == len(among)] = 0
    found: npt.NDArray[np.bool_] = among[places] == keys
    return found


@compiled
def is_first(group: npt.NDArray[np.int64], keys: Keys) -> npt.NDArray[np.bool_]:
    """Which places hold the first of their key within their group; the groups' numbers grow."""
    most, start = 0, 0
    for place in range(len(keys)):
        if group[place] != group[start]:
            start = place
        most = max(most, place - start + 1)
    size = 8
    while size < 2 * most:
        size *= 2
    # Open addressing; a slot is free for a group if another one filled it.
    table, filled_by = np.empty(size, np.uint64), np.full(size, -1, np.int64)
    first = np.zeros(len(keys), np.bool_)
    mask = np.uint64(size - 1)
    for place in range(len(keys)):
        slot = keys[place] & mask
        while filled_by[slot] == group[place] and table[slot] != keys[place]:
            slot = (slot + np.uint64(1)) & mask
        if filled_by[slot] != group[place]:
            table[slot], filled_by[slot], first[place] = keys[place], group[place], True
    return first


@compiled
def take_texts(codes: Codes, offsets: Offsets, chosen: Chosen) -> tuple[Codes, Offsets]:
    """The chosen texts, laid end to end, in the order of ``chosen``."""
    ends = np.zeros(len(chosen) + 1, np.int64)
    for k in range(len(chosen)):
        ends[k + 1] = ends[k] + offsets[chosen[k] + 1] - offsets[chosen[k]]
    taken = np.empty(ends[-1], np.uint32)
    for k in range(len(chosen)):
        taken[ends[k] : ends[k + 1]] = codes[offsets[chosen[k]] : offsets[chosen[k] + 1]]
    return taken, ends
