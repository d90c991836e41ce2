"""Each pair once, no sentence in too many pairs: one pass over pairs in order, in tables of 64-bit keys."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from corpus_builder.kernels.compiling import compiled

Keys = npt.NDArray[np.uint64]

KEPT, SEEN_BEFORE, ENOUGH_PARTNERS = 0, 1, 2
"""What :meth:`PairGate.admit` says of a pair."""

_FIRST_SLOTS = 1 << 12


class PairGate:
    """Lets a pair through unless it came before or one of its sentences has enough partners already.

    Sentences are known by their hash (:func:`corpus_builder.kernels.hashing.span_hashes`). The pairs of a run
    arrive in order, in any number of calls; the answers depend on that order alone. Memory: at most 32 bytes
    a pair and 48 bytes a sentence let through.

    Args:
        max_partners: Most pairs of one sentence.

    Example:
        >>> gate = PairGate(max_partners=1)
        >>> gate.admit(np.array([[7, 9], [9, 7], [7, 8]], np.uint64)).tolist()
        [0, 1, 2]
    """

    def __init__(self, max_partners: int) -> None:
        self.max_partners = max_partners
        self._pairs = np.zeros(_FIRST_SLOTS, np.uint64)
        self._sentences = np.zeros(_FIRST_SLOTS, np.uint64)
        self._partners = np.zeros(_FIRST_SLOTS, np.int32)
        self._filled = np.zeros(2, np.int64)

    def admit(self, keys: Keys) -> npt.NDArray[np.int8]:
        """Decide on pairs (n, 2) in order: ``KEPT``, ``SEEN_BEFORE`` or ``ENOUGH_PARTNERS`` for each."""
        keys = np.ascontiguousarray(keys, np.uint64)
        verdicts = np.empty(len(keys), np.int8)
        done = 0
        while done < len(keys):
            # Grown before they are half full, so that a free slot is near.
            if 2 * (self._filled[0] + 1) > len(self._pairs):
                self._pairs, _ = _grown(self._pairs, np.zeros(len(self._pairs), np.int32))
            if 2 * (self._filled[1] + 2) > len(self._sentences):
                self._sentences, self._partners = _grown(self._sentences, self._partners)
            done = _admit(
                keys,
                done,
                self.max_partners,
                self._pairs,
                self._sentences,
                self._partners,
                self._filled,
                verdicts,
            )
        return verdicts


def pair_keys(keys: Keys) -> Keys:
    """What the gate knows each pair (n, 2) by: one key for {a, b}, never 0. Equal keys are the same pair."""
    return _pair_keys(np.ascontiguousarray(keys, np.uint64))


@compiled
def _slot(table: Keys, key: np.uint64) -> int:
    """Where the key is, or where it would go; 0 marks a free slot."""
    mask = np.uint64(len(table) - 1)
    place = key & mask
    while table[place] != np.uint64(0) and table[place] != key:
        place = (place + np.uint64(1)) & mask
    return int(place)


@compiled
def _grown(table: Keys, values: npt.NDArray[np.int32]) -> tuple[Keys, npt.NDArray[np.int32]]:
    larger = np.zeros(2 * len(table), np.uint64)
    moved = np.zeros(2 * len(table), np.int32)
    for place in range(len(table)):
        if table[place] != np.uint64(0):
            slot = _slot(larger, table[place])
            larger[slot] = table[place]
            moved[slot] = values[place]
    return larger, moved


@compiled
def _pair_key(a: np.uint64, b: np.uint64) -> np.uint64:
    """One key for {a, b}; never 0."""
    low, high = min(a, b), max(a, b)
    mixed = (low ^ (high * np.uint64(0x9E3779B97F4A7C15))) * np.uint64(0xD6E8FEB86659FD93)
    mixed ^= mixed >> np.uint64(32)
    return mixed | np.uint64(1)


@compiled
def _pair_keys(keys: Keys) -> Keys:
    found = np.empty(len(keys), np.uint64)
    for n in range(len(keys)):
        found[n] = _pair_key(max(keys[n, 0], np.uint64(1)), max(keys[n, 1], np.uint64(1)))
    return found


@compiled
def _admit(
    keys: Keys,
    start: int,
    max_partners: int,
    pairs: Keys,
    sentences: Keys,
    partners: npt.NDArray[np.int32],
    filled: npt.NDArray[np.int64],
    verdicts: npt.NDArray[np.int8],
) -> int:
    """Go on from ``start`` until the end or until a table is half full; returns where it stopped."""
    for n in range(start, len(keys)):
        if 2 * (filled[0] + 1) > len(pairs) or 2 * (filled[1] + 2) > len(sentences):
            return n
        # 0 is the mark of a free slot, so the key 0 goes by another name.
        a, b = max(keys[n, 0], np.uint64(1)), max(keys[n, 1], np.uint64(1))
        key = _pair_key(a, b)
        place = _slot(pairs, key)
        if pairs[place] == key:
            verdicts[n] = 1
            continue
        place_a, place_b = _slot(sentences, a), _slot(sentences, b)
        if partners[place_a] >= max_partners or partners[place_b] >= max_partners:
            verdicts[n] = 2
            continue
        pairs[place] = key
        filled[0] += 1
        for sentence in (a, b):
            # Looked up again: filling a's slot may have moved where b goes.
            slot = _slot(sentences, sentence)
            if sentences[slot] == np.uint64(0):
                sentences[slot] = sentence
                filled[1] += 1
            partners[slot] += 1
        verdicts[n] = 0
    return len(keys)
