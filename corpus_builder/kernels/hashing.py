"""64 bits that stand for a sentence."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from corpus_builder.kernels.compiling import compiled
from corpus_builder.kernels.texts import Codes, Offsets


def span_hashes(codes: Codes, offsets: Offsets) -> npt.NDArray[np.uint64]:
    """A 64-bit hash of each text, the same on every machine and in every version.

    With h = 0x9E3779B97F4A7C15 (2^64 over the golden ratio) at the start, every code point c does

        h = (h xor c) * 0xD6E8FEB86659FD93;  h = h xor (h >> 32)

    and the end does so twice more with c = the length and c = 0. For a fixed c each step is a bijection of
    h, and for a fixed h of c, so texts that differ in one place never collide before the rest of them is
    mixed in. The chance that any two of n different texts share a hash is about n^2 / 2^65: 1 in 3,700 for
    100 million sentences. Not meant against someone who looks for collisions.

    Args:
        codes, offsets: texts, normalised where equal means equal after normalisation.
    """
    return _span_hashes(codes, offsets)


@compiled
def hash_of(codes: Codes, start: int, end: int) -> np.uint64:
    """The hash of one text, ``codes[start:end]``."""
    multiplier = np.uint64(0xD6E8FEB86659FD93)
    half = np.uint64(32)
    h = np.uint64(0x9E3779B97F4A7C15)
    for p in range(start, end):
        h = (h ^ np.uint64(codes[p])) * multiplier
        h ^= h >> half
    h = (h ^ np.uint64(end - start)) * multiplier
    h ^= h >> half
    h *= multiplier
    h ^= h >> half
    return h


@compiled
def _span_hashes(codes: Codes, offsets: Offsets) -> npt.NDArray[np.uint64]:
    hashes = np.empty(len(offsets) - 1, np.uint64)
    for k in range(len(hashes)):
        hashes[k] = hash_of(codes, offsets[k], offsets[k + 1])
    return hashes
