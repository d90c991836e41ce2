"""Truncation and draw of one row after another, compiled: no row is sorted but for a narrow band of it."""

from __future__ import annotations

import numpy as np

from corpus_builder.kernels.compiling import compiled, inlined

# Positive float32 numbers are in the order of their bits; the upper ones, 32 classes for each power of two,
# say which class a weight is in.
_SHIFT = np.uint32(18)
_CLASSES = 1 << 14


@inlined
def _threshold(weights, bits, total, top_k, top_p, mass, count, inside):  # type: ignore[no-untyped-def]
    """The least weight that stays, how many of exactly that weight stay, and what stays altogether.

    ``top_k`` 0 and ``top_p`` 2 are none. Of ``mass`` and ``count``, (classes,), only what is used is cleared.
    """
    size = weights.shape[0]
    lowest, highest = np.int64(_CLASSES), np.int64(0)
    for i in range(size):
        which = np.int64(bits[i] >> _SHIFT)
        lowest, highest = min(lowest, which), max(highest, which)
    for used in range(lowest, highest + 1):
        mass[used], count[used] = 0.0, 0
    for i in range(size):
        which = np.int64(bits[i] >> _SHIFT)
        mass[which] += weights[i]
        count[which] += 1
    limit, kept, number = np.int64(size), 0.0, np.int64(0)
    wanted = top_p * total
    if top_k > 0:
        limit = min(np.int64(top_k), limit)
        wanted = (
            np.inf if top_p > 1.0 else top_p * _mass_of(weights, bits, limit, highest, mass, count, inside)
        )
    which = highest
    # Whole classes that stay, as long as neither border is inside.
    while which >= lowest and number + count[which] < limit and kept + mass[which] < wanted:
        kept += mass[which]
        number += count[which]
        which -= 1
    if which < lowest:
        return np.float32(0.0), np.int64(size), kept
    found = _collect(weights, bits, which, inside)
    last, ties = np.float32(0.0), 0
    for i in range(found):
        if number == limit or (kept >= wanted and number > 0):
            break
        weight = inside[i]
        ties = ties + 1 if weight == last and i > 0 else 1
        last = weight
        kept += weight
        number += 1
    return last, np.int64(ties), kept


@inlined
def _collect(weights, bits, which, inside):  # type: ignore[no-untyped-def]
    """The weights of a class, largest first, into ``inside``; how many."""
    found = 0
    for i in range(weights.shape[0]):
        if np.int64(bits[i] >> _SHIFT) == which:
            inside[found] = weights[i]
            found += 1
    part = np.sort(inside[:found])
    for i in range(found):
        inside[i] = part[found - 1 - i]
    return found


@inlined
def _mass_of(weights, bits, limit, highest, mass, count, inside):  # type: ignore[no-untyped-def]
    """The sum of the ``limit`` largest."""
    kept, number, which = 0.0, 0, highest
    while number + count[which] < limit:
        kept += mass[which]
        number += count[which]
        which -= 1
    found = _collect(weights, bits, which, inside)
    for i in range(min(found, limit - number)):
        kept += inside[i]
    return kept


@compiled
def thresholds(weights, bits, totals, top_k, top_p, least, ties, kept):  # type: ignore[no-untyped-def]
    """For each row what stays, into ``least``, ``ties`` and ``kept`` (rows,); see :func:`_threshold`.

    Args:
        weights: (rows, vocabulary) float32, not negative.
        bits: The same memory as uint32.
        totals: (rows,) float64, their sums.
        top_k: 0 for none.
        top_p: 2 for none.
    """
    mass, count = np.empty(_CLASSES, np.float64), np.empty(_CLASSES, np.int64)
    inside = np.empty(weights.shape[1], np.float32)
    for row in range(weights.shape[0]):
        least[row], ties[row], kept[row] = _threshold(
            weights[row], bits[row], totals[row], top_k, top_p, mass, count, inside
        )


@compiled
def first_beyond(weights, least, ties, kept, uniforms, tokens):  # type: ignore[no-untyped-def]
    """The first id of each row whose running sum of what stays exceeds ``uniform * kept``."""
    for row in range(weights.shape[0]):
        wanted, running, left, token = uniforms[row] * kept[row], 0.0, ties[row], -1
        for i in range(weights.shape[1]):
            weight = weights[row, i]
            if weight < least[row] or weight == 0.0:
                continue
            if weight == least[row]:
                if left == 0:
                    continue
                left -= 1
            running += weight
            token = i
            if running > wanted:
                break
        tokens[row] = token
