"""Texts as hashes, and where in a cache a hash stands."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]

KEY_BYTES = 16
KEY_DTYPE = np.dtype("<u8")


def keys_of(texts: Iterable[str]) -> Keys:
    """BLAKE2b of each text's UTF-8, 16 bytes: uint64 (n, 2).

    Two of a thousand million texts share a key with a probability of 1.5e-21. Half a surrogate pair, which
    is no character, is hashed all the same.
    """
    digests = [
        blake2b(text.encode("utf-8", "surrogatepass"), digest_size=KEY_BYTES).digest() for text in texts
    ]
    return keys_from(b"".join(digests))


def keys_from(data: bytes | bytearray) -> Keys:
    """The keys that stand one after another in ``data``: (n, 2)."""
    return np.frombuffer(data, KEY_DTYPE).reshape(-1, 2)


class KeyIndex:
    """Finds keys by binary search.

    Args:
        keys: (n, 2), each once or more; of equal ones the first counts.
    """

    def __init__(self, keys: Keys) -> None:
        order = np.lexsort((keys[:, 1], keys[:, 0]))
        high, low = keys[order, 0], keys[order, 1]
        first = np.ones(len(keys), bool)
        first[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
        self._high, self._low, self._rows = high[first], low[first], order[first]

    def __len__(self) -> int:
        """Different keys."""
        return len(self._rows)

    def rows(self, keys: Keys) -> npt.NDArray[np.int64]:
        """The row of each key in the array the index was made of, -1 where it is not there: (m,)."""
        found = np.full(len(keys), -1, np.int64)
        if not len(self):
            return found
        places = np.searchsorted(self._high, keys[:, 0])
        open_ = np.arange(len(keys))
        while len(open_):
            # Keys that share their first half, which chance alone hardly ever brings about, stand in a row.
            places_left = places[open_]
            inside = places_left < len(self)
            open_, places_left = open_[inside], places_left[inside]
            same = self._high[places_left] == keys[open_, 0]
            open_, places_left = open_[same], places_left[same]
            hit = self._low[places_left] == keys[open_, 1]
            found[open_[hit]] = self._rows[places_left[hit]]
            open_ = open_[~hit]
            places[open_] += 1
        return found
