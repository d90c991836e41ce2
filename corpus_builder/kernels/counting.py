"""All intersections of a text with 512 others at once, by counters that lie across bits.

The texts of a group stand in a line, by growing size. Each token has a row of bits, one for each text: 1
where the text has the token. To count what text x shares with all others, the bit rows of x's tokens are
added up, 512 columns at a time, in binary counters whose bit k for all columns is a row of bits itself (a
plane). A full adder takes three rows to two in two logical operations, and a tree of them adds eight rows
to the planes of 1, 2 and 4 with one carry to the plane of 8 (Harley and Seal's way to count bits; Muła,
Kurz and Lemire, Faster population counts using AVX2 instructions, 2016).

The counters do not start at 0. Sets of sizes a and b reach threshold t when they share at least

    need(a + b) = the least m with m / (a + b - m) >= t

tokens, in the very floating-point numbers of the definition. Column y starts at ``2^K - need(|x| + |y|)``, so
that y is a partner just when its counter overflows K bits, and what stays in the counter then is the size of
the intersection less the need: the score needs no second look at the texts. No pair is missed, none is
checked in vain. Cost: about ``n^2 / 2 * tokens of a text / 512`` full adders, less than an inverted index
with prefix filtering costs at every size and threshold measured (5,000 to 200,000; docs/corpus.md).
"""

from __future__ import annotations

import math

import numpy as np

from corpus_builder.kernels.compiling import compiled, inlined
from corpus_builder.kernels.index import Ints, ShortInts, Words
from corpus_builder.kernels.vectors import (
    LANE_BITS,
    LANE_WORDS,
    any_bit,
    both,
    either,
    high_bits,
    load,
    low_bits,
    one_of,
    store,
)


@compiled
def least_shared(longest: int, threshold: float) -> Ints:
    """need(a + b) for all sums of two sizes up to ``longest``, by the sum."""
    needs = np.empty(2 * longest + 1, np.int64)
    needs[0] = 1
    for total in range(1, len(needs)):
        # Short of the true quotient by more than it can be rounded, never by 1.
        need = max(1, math.ceil(threshold / (1 + threshold) * total * (1 - 1e-12)))
        while need < total and need / (total - need) < threshold:
            need += 1
        needs[total] = need
    return needs


@inlined
def planes_for(size: int) -> int:
    """The least K >= 3 with ``2^K >= size``; need(a + b) <= a for sets that can reach the threshold."""
    planes = 3
    while 1 << planes < size:
        planes += 1
    return planes


@inlined
def words_for(texts: int) -> int:
    """Words of a bit row: whole vectors."""
    return (texts + LANE_BITS - 1) // LANE_BITS * LANE_WORDS


@compiled
def fill_bits(
    rows: ShortInts, row_starts: Ints, places: ShortInts, begin: int, end: int, width: int, bits: Words
) -> None:
    """Write the bit rows of the texts from ``begin`` to ``end``; ``bits`` is 0 before, row 0 stays so."""
    for x in range(begin, end):
        column = np.uint64(x - begin)
        word, bit = column >> np.uint64(6), np.uint64(1) << (column & np.uint64(63))
        for p in range(row_starts[x], row_starts[x + 1]):
            bits[np.uint64(places[rows[p]]) * np.uint64(width) + word] |= bit


@inlined
def start_counters(
    x: int,
    sizes: ShortInts,
    size_ends: ShortInts,
    begin: int,
    end: int,
    width: int,
    needs: Ints,
    start: Words,
) -> int:
    """Set the start planes for text x and later ones of its size; returns where its partners end.

    Columns up to x itself start at 0, from where they do not overflow.
    """
    size = sizes[x]
    planes = planes_for(size)
    for word in range(planes * width):
        start[word] = 0
    y = max(x + 1, begin)
    while y < end and needs[size + sizes[y]] <= size:
        need = needs[size + sizes[y]]
        run_end = y
        while run_end < end and needs[size + sizes[run_end]] == need:
            run_end = min(end, size_ends[sizes[run_end]])
        value = (1 << planes) - need
        for plane in range(planes):
            if value >> plane & 1:
                _set_bits(start, plane * width, y - begin, run_end - begin)
        y = run_end
    return y


@inlined
def leave_out(column: int, planes: int, width: int, start: Words) -> None:
    """Let a column start at 0: it has been compared with all later ones."""
    keep = ~(np.uint64(1) << np.uint64(column & 63))
    for plane in range(planes):
        start[plane * width + (column >> 6)] &= keep


@inlined
def _set_bits(words: Words, first_word: int, begin: int, end: int) -> None:
    ones = ~np.uint64(0)
    low, high = begin >> 6, (end - 1) >> 6
    low_mask = ones << np.uint64(begin & 63)
    high_mask = ones >> np.uint64(63 - ((end - 1) & 63))
    if low == high:
        words[first_word + low] |= low_mask & high_mask
        return
    words[first_word + low] |= low_mask
    for word in range(low + 1, high):
        words[first_word + word] = ones
    words[first_word + high] |= high_mask


@inlined
def count_lanes(
    bits: Words,
    token_rows: Words,
    tokens: int,
    start: Words,
    planes: int,
    width: int,
    word: int,
    counters: Words,
    reached: Words,
) -> bool:
    """Add up the bit rows at ``token_rows[:tokens]``, padded with 0 to a multiple of 8, in 512 columns.

    Columns from word ``word`` on. Writes their counters and in ``reached`` which overflowed; returns whether
    any did.
    """
    at, step = np.uint64(word), np.uint64(width)
    one, two, four = load(start, at), load(start, step + at), load(start, step + step + at)
    for plane in range(3, planes):
        place = np.uint64(plane) * step + at
        store(counters, place, load(start, place))
    over = one_of(one, one)
    for t in range(0, tokens, 8):
        a, b = load(bits, token_rows[t] + at), load(bits, token_rows[t + 1] + at)
        two_a, one = high_bits(a, b, one), low_bits(a, b, one)
        a, b = load(bits, token_rows[t + 2] + at), load(bits, token_rows[t + 3] + at)
        two_b, one = high_bits(a, b, one), low_bits(a, b, one)
        four_a, two = high_bits(two_a, two_b, two), low_bits(two_a, two_b, two)
        a, b = load(bits, token_rows[t + 4] + at), load(bits, token_rows[t + 5] + at)
        two_a, one = high_bits(a, b, one), low_bits(a, b, one)
        a, b = load(bits, token_rows[t + 6] + at), load(bits, token_rows[t + 7] + at)
        two_b, one = high_bits(a, b, one), low_bits(a, b, one)
        four_b, two = high_bits(two_a, two_b, two), low_bits(two_a, two_b, two)
        carry, four = high_bits(four_a, four_b, four), low_bits(four_a, four_b, four)
        for plane in range(3, planes):
            place = np.uint64(plane) * step + at
            now = load(counters, place)
            store(counters, place, one_of(now, carry))
            carry = both(now, carry)
        over = either(over, carry)
    store(counters, at, one)
    store(counters, step + at, two)
    store(counters, step + step + at, four)
    store(reached, at, over)
    return any_bit(over)
