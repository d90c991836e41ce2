"""Which keys come for the first time, in a table of 64-bit keys that grows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from corpus_builder.kernels.compiling import compiled

Keys = npt.NDArray[np.uint64]

_FIRST_SLOTS = 1 << 12


class SeenKeys:
    """Remembers keys. Memory: 16 to 32 bytes a key, and half as much again while the table grows.

    Example:
        >>> seen = SeenKeys()
        >>> seen.admit(np.array([7, 9, 7], np.uint64)).tolist(), seen.admit(np.array([9], np.uint64)).tolist()
        ([True, True, False], [False])
    """

    def __init__(self) -> None:
        self._table = np.zeros(_FIRST_SLOTS, np.uint64)
        self._filled = 0

    def admit(self, keys: Keys) -> npt.NDArray[np.bool_]:
        """Which of the keys are new, in their order; they are not new from then on."""
        keys = np.ascontiguousarray(keys, np.uint64)
        new = np.empty(len(keys), bool)
        slots = len(self._table)
        while 2 * (self._filled + len(keys)) > slots:
            slots *= 2
        if slots > len(self._table):
            larger = np.zeros(slots, np.uint64)
            _admit(self._table[self._table != 0], larger, np.empty(self._filled, bool))
            self._table = larger
        self._filled += _admit(keys, self._table, new)
        return new


@compiled
def _admit(keys: Keys, table: Keys, new: npt.NDArray[np.bool_]) -> int:
    """Put keys into a table that stays half empty; returns how many were new."""
    mask = np.uint64(len(table) - 1)
    added = 0
    for n in range(len(keys)):
        # 0 is the mark of a free slot, so the key 0 goes by another name.
        key = max(keys[n], np.uint64(1))
        slot = key & mask
        while table[slot] != np.uint64(0) and table[slot] != key:
            slot = (slot + np.uint64(1)) & mask
        new[n] = table[slot] == np.uint64(0)
        if new[n]:
            table[slot] = key
            added += 1
    return added
