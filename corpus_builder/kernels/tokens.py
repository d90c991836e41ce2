"""The variants of Jaccard similarity as plain sets of numbers.

Each token of :func:`corpus_builder.similarity.tokens` becomes one number, so that one kernel serves every
variant. A character is its code point in all of them, and

* ``set`` has nothing else;
* ``multiset``: a character that stands there for the k-th time, k > 1, is a token of its own, so that
  ``|A ∩ B| = Σ_c min(a_c, b_c)`` and ``|A ∪ B| = Σ_c max(a_c, b_c)``;
* ``bigram``: so is each pair of neighbours.

Those tokens are numbered from 0x110000 up by an open-addressing table, anew in each group, so that the table
stays small.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from corpus_builder.kernels.compiling import compiled, inlined
from corpus_builder.kernels.texts import Codes, Offsets
from corpus_builder.similarity import Variant, check_variant

CODE_POINTS = 0x110000
_SHIFT = 21
_EMPTY = -1
_FIRST_SLOTS = 1024
_GOLDEN = 0x9E3779B97F4A7C15  # 2^64 over the golden ratio

Ints = npt.NDArray[np.int64]


def number_tokens(
    codes: Codes, offsets: Offsets, bounds: Ints, variant: Variant = "set"
) -> tuple[Codes, Offsets, int]:
    """The tokens of each text as numbers that mean the same throughout a group.

    Args:
        codes, offsets: normalised texts.
        bounds: group k is made of the texts ``bounds[k]`` to ``bounds[k + 1]``, not included.
        variant: of :func:`corpus_builder.similarity.jaccard`.

    Returns:
        ``(numbers, offsets, limit)``: text k has ``numbers[offsets[k] : offsets[k + 1]]``, in which a token
        may stand more than once; all are below ``limit``.

    Example:
        >>> from corpus_builder.kernels.texts import encode_texts
        >>> codes, offsets = encode_texts(["天天好", "天天"])
        >>> numbers, _, limit = number_tokens(codes, offsets, np.array([0, 2]), "multiset")
        >>> [chr(n) if n < CODE_POINTS else n - CODE_POINTS for n in numbers.tolist()]
        ['天', 0, '好', '天', 0]
    """
    check_variant(variant)
    if variant == "set":
        return codes, offsets, CODE_POINTS
    if variant == "multiset":
        keys, key_offsets = _occurrences(codes, offsets), offsets
    else:
        keys, key_offsets = _with_neighbours(codes, offsets)
    numbers = np.empty(len(keys), np.uint32)
    return numbers, key_offsets, _number(keys, key_offsets, bounds, numbers)


@compiled
def _occurrences(codes: Codes, offsets: Offsets) -> Ints:
    """For each character c the key ``k * 2^21 + c``, with k how often it came before."""
    keys = np.empty(len(codes), np.int64)
    seen = np.zeros(CODE_POINTS, np.int32)
    for text in range(len(offsets) - 1):
        for p in range(offsets[text], offsets[text + 1]):
            keys[p] = (np.int64(seen[codes[p]]) << _SHIFT) | np.int64(codes[p])
            seen[codes[p]] += 1
        for p in range(offsets[text], offsets[text + 1]):
            seen[codes[p]] = 0
    return keys


@compiled
def _with_neighbours(codes: Codes, offsets: Offsets) -> tuple[Ints, Offsets]:
    """For each character d its code point and, c being the one before, ``(c + 1) * 2^21 + d``."""
    keys = np.empty(2 * len(codes), np.int64)
    key_offsets = np.zeros_like(offsets)
    at = 0
    for text in range(len(offsets) - 1):
        for p in range(offsets[text], offsets[text + 1]):
            keys[at] = codes[p]
            at += 1
            if p > offsets[text]:
                keys[at] = (np.int64(codes[p - 1] + 1) << _SHIFT) | np.int64(codes[p])
                at += 1
        key_offsets[text + 1] = at
    return keys[:at], key_offsets


@compiled
def _number(keys: Ints, offsets: Offsets, bounds: Ints, numbers: Codes) -> int:
    """Write the number of each key, group by group; returns what all numbers are below."""
    table_keys = np.full(_FIRST_SLOTS, _EMPTY, np.int64)
    table_numbers = np.empty(_FIRST_SLOTS, np.int64)
    slots = np.empty(_FIRST_SLOTS, np.int64)
    limit = CODE_POINTS
    for group in range(len(bounds) - 1):
        used = 0
        shift, mask = np.uint64(65 - _digits(len(table_keys))), len(table_keys) - 1
        for p in range(offsets[bounds[group]], offsets[bounds[group + 1]]):
            key = keys[p]
            if key < CODE_POINTS:
                numbers[p] = key
                continue
            slot = _find(table_keys, key, shift, mask)
            if table_keys[slot] == _EMPTY:
                table_keys[slot], table_numbers[slot], slots[used] = key, CODE_POINTS + used, slot
                used += 1
            numbers[p] = table_numbers[slot]
            if 2 * used > mask:
                old_keys, old_numbers, old_slots = table_keys, table_numbers, slots
                table_keys = np.full(2 * len(old_keys), _EMPTY, np.int64)
                table_numbers, slots = np.empty_like(table_keys), np.empty_like(table_keys)
                shift, mask = shift - np.uint64(1), len(table_keys) - 1
                for k in range(used):
                    slot = _find(table_keys, old_keys[old_slots[k]], shift, mask)
                    table_keys[slot] = old_keys[old_slots[k]]
                    table_numbers[slot] = old_numbers[old_slots[k]]
                    slots[k] = slot
        for k in range(used):
            table_keys[slots[k]] = _EMPTY
        limit = max(limit, CODE_POINTS + used)
    return limit


@compiled
def _digits(number: int) -> int:
    """Binary digits of a number."""
    digits = 0
    while number >> digits:
        digits += 1
    return digits


@inlined
def _find(table_keys: Ints, key: int, shift: np.uint64, mask: int) -> int:
    """The slot that holds the key or is free for it."""
    slot = int(np.int64((np.uint64(key) * np.uint64(_GOLDEN)) >> shift))
    while table_keys[slot] != key and table_keys[slot] != _EMPTY:
        slot = (slot + 1) & mask
    return slot
