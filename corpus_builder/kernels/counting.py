"""All intersections of a text with 512 others at once, by counters that lie across bits.

The texts of a group stand in a line, by growing size. Each token has a row of bits, one for each text: 1
where the text has the token. To count what text x shares with all others, the bit rows of x's tokens are
added up, 512 columns at a time, in binary counters whose bit k for all columns is a row of bits itself (a
plane). A full adder takes three rows to two in two logical operations, and a tree of them adds eight rows
to the planes of 1, 2 and 4 with one carry to the plane of 8 (Harley and Seal's way to count bits; Muła,
Kurz and Lemire, Faster population counts using AVX2 instructions, 2016).

The counters do not start at 0. A pair of sizes a, b reaches threshold t when it shares at least

    need(a, b) = the least m with m / (a + b - m) >= t

tokens, in the very floating-point numbers of the definition. Column y starts at ``2^K - need(|x|, |y|)``, so
that y is a partner just when its counter overflows K bits, and what stays in the counter then is the size of
the intersection less the need: the score needs no second look at the texts. No pair is missed, none is
checked in vain.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from corpus_builder.kernels.compiling import compiled
from corpus_builder.kernels.index import Ints, Rows, ShortInts
from corpus_builder.kernels.vectors import LANE_WORDS, both, either, high_bits, load, low_bits, lowest_bit, one_of, store

Words = npt.NDArray[np.uint64]

BLOCK = 4096
_BLOCK_WORDS = BLOCK // 64


class Counters(NamedTuple):
    """Working space of :func:`scan_rows` for one block of texts.

    Attributes:
        start: the planes a counter starts with, for texts x of the size now at work.
        planes: the counters of one x.
        reached: bits of the columns that overflowed.
        need: by size of y.
        token_rows: where the bit rows of x's tokens start.
    """

    start: Words
    planes: Words
    reached: Words
    need: ShortInts
    token_rows: Words


@compiled
def new_counters(largest: int) -> Counters:
    """Working space for texts of at most so many different tokens."""
    planes = max(3, _planes(largest)) * _BLOCK_WORDS
    return Counters(
        np.empty(planes, np.uint64),
        np.empty(planes, np.uint64),
        np.empty(_BLOCK_WORDS, np.uint64),
        np.empty(largest + 1, np.int32),
        np.empty(largest + 8, np.uint64),
    )


@compiled
def _planes(size: int) -> int:
    """The least K >= 3 with ``2^K >= size``; need(a, b) is at most a."""
    planes = 3
    while 1 << planes < size:
        planes += 1
    return planes


@compiled
def least_shared(a: int, b: int, threshold: float) -> int:
    """need(a, b): the fewest shared tokens at which sets of sizes a and b reach the threshold.

    More than ``min(a, b)`` where they cannot.
    """
    need = max(1, math.floor(threshold / (1 + threshold) * (a + b)) - 1)
    while need <= min(a, b) and need / (a + b - need) < threshold:
        need += 1
    return need


@compiled
def fill_bits(rows: Rows, slots: ShortInts, begin: int, end: int, width: int, bits: Words) -> None:
    """Write the bit rows of the texts ``order[begin:end]``; row 0 stays empty, all of ``bits`` is 0 before."""
    for position in range(begin, end):
        row = rows.order[position]
        column = np.uint64(position - begin)
        word, bit = column >> np.uint64(6), np.uint64(1) << (column & np.uint64(63))
        for p in range(rows.starts[row], rows.ends[row]):
            bits[np.uint64(slots[rows.tokens[p]]) * np.uint64(width) + word] |= bit


@compiled
def start_counters(
    rows: Rows, x: int, begin: int, end: int, width: int, threshold: float, counters: Counters
) -> tuple[int, int, int]:
    """Set the start planes for text ``order[x]`` and all later ones of its size.

    Returns ``(last, planes, least)``: partners stand before ``last``, the number of planes, and the fewest
    tokens that any partner shares.
    """
    size = rows.sizes[rows.order[x]]
    planes = _planes(size)
    counters.start[: planes * width] = 0
    position = max(x, begin)
    least = 0
    while position < end:
        other = rows.sizes[rows.order[position]]
        need = least_shared(size, other, threshold)
        if need > size:
            break
        if least == 0:
            least = need
        counters.need[other] = need
        run_end = min(end, rows.size_ends[other])
        value = (1 << planes) - need
        for plane in range(planes):
            if value >> plane & 1:
                _set_bits(counters.start, plane * width, position - begin, run_end - begin)
        position = run_end
    return position, planes, least


@compiled
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


@compiled
def count_lanes(
    bits: Words, counters: Counters, tokens: int, planes: int, width: int, word: int
) -> None:
    """Add up the bit rows ``counters.token_rows[:tokens]``, eight words from ``word`` on."""
    at, step = np.uint64(word), np.uint64(width)
    start, out, rows = counters.start, counters.planes, counters.token_rows
    one, two, four = load(start, at), load(start, step + at), load(start, step + step + at)
    for plane in range(3, planes):
        place = np.uint64(plane) * step + at
        store(out, place, load(start, place))
    reached = one_of(one, one)
    for t in range(0, tokens, 8):
        a, b = load(bits, rows[t] + at), load(bits, rows[t + 1] + at)
        two_a, one = high_bits(a, b, one), low_bits(a, b, one)
        a, b = load(bits, rows[t + 2] + at), load(bits, rows[t + 3] + at)
        two_b, one = high_bits(a, b, one), low_bits(a, b, one)
        four_a, two = high_bits(two_a, two_b, two), low_bits(two_a, two_b, two)
        a, b = load(bits, rows[t + 4] + at), load(bits, rows[t + 5] + at)
        two_a, one = high_bits(a, b, one), low_bits(a, b, one)
        a, b = load(bits, rows[t + 6] + at), load(bits, rows[t + 7] + at)
        two_b, one = high_bits(a, b, one), low_bits(a, b, one)
        four_b, two = high_bits(two_a, two_b, two), low_bits(two_a, two_b, two)
        carry, four = high_bits(four_a, four_b, four), low_bits(four_a, four_b, four)
        for plane in range(3, planes):
            place = np.uint64(plane) * step + at
            now = load(out, place)
            store(out, place, one_of(now, carry))
            carry = both(now, carry)
        reached = either(reached, carry)
    store(out, at, one)
    store(out, step + at, two)
    store(out, step + step + at, four)
    store(counters.reached, at, reached)
