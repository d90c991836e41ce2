"""The numbers that decide the order and the samples: a function of the seed and the row's number alone."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]

_CHUNK = 1 << 20
_BIN_BITS = 16


class KeyStream:
    """64-bit keys of rows 0, 1, 2, ...: all different, and as good as drawn at random.

    With a and b 64 bits each of BLAKE2b of ``"seed/name"``, and mix the output function of SplitMix64
    (Steele, Lea and Flood 2014, https://doi.org/10.1145/2660193.2660195), modulo 2^64

        key(n) = mix(mix(a + 0x9E3779B97F4A7C15 * n) xor b)

    Every step is a bijection, so no two rows of a stream have the same key.

    Args:
        seed: Any whole number.
        name: What the keys are for; streams of different names are independent.

    Example:
        >>> KeyStream(7, "order").keys(0, 3).argsort()  # an order of three rows
    """

    def __init__(self, seed: int, name: str) -> None:
        digest = blake2b(f"{seed}/{name}".encode(), digest_size=16).digest()
        self._start, self._twist = np.frombuffer(digest, "<u8").astype(np.uint64)

    def keys(self, start: int, stop: int) -> Keys:
        """The keys of rows ``start`` to ``stop``, without the last."""
        numbers = np.arange(start, stop, dtype=np.uint64)
        numbers *= np.uint64(0x9E3779B97F4A7C15)
        numbers += self._start
        mixed = _mix(numbers)
        mixed ^= self._twist
        return _mix(mixed)

    def smallest(self, rows: int, size: int) -> np.uint64:
        """The ``size``-th smallest key of the first ``rows`` rows; ``size`` from 1 to ``rows``.

        The rows with keys up to this one are a sample of exactly ``size`` rows without replacement. Takes
        memory for about a million keys, however many rows there are: the keys are made twice, to count those
        in each of 65,536 ranges, and to sort those in the one range that matters.
        """
        shift = np.uint64(64 - _BIN_BITS)
        counts = np.zeros(1 << _BIN_BITS, np.int64)
        for keys in self._chunks(rows):
            counts += np.bincount((keys >> shift).astype(np.int64), minlength=1 << _BIN_BITS)
        up_to = np.cumsum(counts)
        border = int(np.searchsorted(up_to, size))
        near = np.concatenate([keys[keys >> shift == np.uint64(border)] for keys in self._chunks(rows)])
        return np.sort(near)[size - int(up_to[border] - counts[border]) - 1]

    def _chunks(self, rows: int) -> Iterator[Keys]:
        for start in range(0, rows, _CHUNK):
            yield self.keys(start, min(start + _CHUNK, rows))


def _mix(keys: Keys) -> Keys:
    """The output function of SplitMix64, in place."""
    keys ^= keys >> np.uint64(30)
    keys *= np.uint64(0xBF58476D1CE4E5B9)
    keys ^= keys >> np.uint64(27)
    keys *= np.uint64(0x94D049BB133111EB)
    keys ^= keys >> np.uint64(31)
    return keys
