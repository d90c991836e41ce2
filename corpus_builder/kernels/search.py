"""The search for similar pairs inside groups, compiled.

Numba counts a reference, in an atomic instruction, whenever an array is taken out of a tuple or handed to a
function. Hence tuples are taken apart once a group, and what runs once a text is ``inlined``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from corpus_builder.kernels.compiling import compiled, inlined
from corpus_builder.kernels.counting import (
    count_lanes,
    fill_bits,
    leave_out,
    planes_for,
    start_counters,
    words_for,
)
from corpus_builder.kernels.guards import Guards, has_guards, refused
from corpus_builder.kernels.index import (
    Ints,
    ShortInts,
    Words,
    collect_sets,
    number_shared,
    order_by_size,
    place_tokens,
)
from corpus_builder.kernels.texts import Codes, Offsets
from corpus_builder.kernels.vectors import LANE_BITS, LANE_WORDS, lowest_bit

BLOCK = 4096
"""Texts whose bit rows are made at a time, and the largest group that needs one turn only."""


class Texts(NamedTuple):
    """The texts as sets of numbered tokens, and what a pair is judged by once its similarity is known.

    Attributes:
        numbers, ends: of :func:`corpus_builder.kernels.tokens.number_tokens`.
        needs: of :func:`corpus_builder.kernels.counting.least_shared`.
        codes, offsets: the normalised texts.
        parts: a number for each text, or nothing.
        guards: pairs to leave out.
    """

    numbers: Codes
    ends: Offsets
    needs: Ints
    codes: Codes
    offsets: Offsets
    parts: Ints
    guards: Guards


class Output(NamedTuple):
    """Where pairs go, and how many each guard dropped."""

    i: Ints
    j: Ints
    score: npt.NDArray[np.float64]
    dropped: Ints


class Group(NamedTuple):
    """The sets of a group's texts by growing size; see :mod:`corpus_builder.kernels.index`."""

    order: ShortInts
    sizes: ShortInts
    size_ends: ShortInts
    rows: ShortInts
    row_starts: Ints


class Space(NamedTuple):
    """What :func:`scan_rows` works in.

    Attributes:
        start, counters: planes that counters start with, and the counters of one text.
        reached: the columns whose counters overflowed.
        token_rows: where the bit rows of the text's tokens start.
    """

    start: Words
    counters: Words
    reached: Words
    token_rows: Words


@compiled
def new_space(longest: int) -> Space:
    """Space for texts of at most ``longest`` tokens."""
    words = planes_for(longest) * words_for(BLOCK)
    return Space(
        np.empty(words, np.uint64),
        np.empty(words, np.uint64),
        np.empty(words_for(BLOCK), np.uint64),
        np.empty(longest + 8, np.uint64),
    )


@compiled
def index_group(numbers: Codes, ends: Offsets, first: int, last: int, marks: Words) -> tuple[Group, int, int]:
    """One large group: the sets, how many texts are not empty, and how many tokens two texts have or more."""
    texts, total = last - first, ends[last] - ends[first]
    starts, places = np.empty(texts + 1, np.int64), np.empty(len(marks), np.int32)
    tokens, seen = np.empty(total, np.uint32), np.empty(total, np.uint32)
    different = collect_sets(numbers, ends, first, last, marks, tokens, starts, seen)
    shared = number_shared(seen, different, marks, places)
    largest = 0
    for text in range(texts):
        largest = max(largest, starts[text + 1] - starts[text])
    order, sizes = np.empty(texts, np.int32), np.empty(texts, np.int32)
    size_ends = np.empty(largest + 2, np.int32)
    count = order_by_size(starts, texts, order, sizes, size_ends)
    rows, row_starts = np.empty(total, np.int32), np.empty(texts + 1, np.int64)
    place_tokens(tokens, starts, order, count, places, rows, row_starts)
    return Group(order, sizes, size_ends, rows, row_starts), count, shared


@compiled
def block_bits(rows: ShortInts, row_starts: Ints, places: ShortInts, begin: int, end: int) -> Words:
    """Give the tokens of a block their ``places``, 1, 2, ..., and write its bit rows."""
    used = 0
    for p in range(row_starts[begin], row_starts[end]):
        if places[rows[p]] == 0:
            used += 1
            places[rows[p]] = used
    width = words_for(end - begin)
    bits = np.zeros((used + 1) * width, np.uint64)
    fill_bits(rows, row_starts, places, begin, end, width, bits)
    return bits


@compiled
def clear_places(rows: ShortInts, row_starts: Ints, places: ShortInts, begin: int, end: int) -> None:
    """Undo the places of a block."""
    for p in range(row_starts[begin], row_starts[end]):
        places[rows[p]] = 0


@compiled
def scan_groups(
    bounds: Ints, group: int, from_row: int, texts: Texts, marks: Words, output: Output
) -> tuple[int, int, int]:
    """Groups of at most one block each, from ``group`` on, until a larger one comes or the output is full.

    Args:
        bounds: group k is made of the texts ``bounds[k]`` to ``bounds[k + 1]``.
        group, from_row: where to begin.
        texts, output: see there.
        marks: a 0 for each token that can be.

    Returns:
        ``(group, row, pairs)`` where to go on; a group that was broken off is indexed anew.
    """
    most_texts, most_tokens, end_group = 0, 0, group
    while end_group < len(bounds) - 1 and bounds[end_group + 1] - bounds[end_group] <= BLOCK:
        first, last = bounds[end_group], bounds[end_group + 1]
        most_texts = max(most_texts, last - first)
        most_tokens = max(most_tokens, texts.ends[last] - texts.ends[first])
        end_group += 1
    numbers, ends, longest = texts.numbers, texts.ends, len(texts.needs) // 2
    starts, row_starts = np.empty(most_texts + 1, np.int64), np.empty(most_texts + 1, np.int64)
    tokens, seen = np.empty(most_tokens, np.uint32), np.empty(most_tokens, np.uint32)
    order, sizes = np.empty(most_texts, np.int32), np.empty(most_texts, np.int32)
    rows, same = np.empty(most_tokens, np.int32), np.arange(most_tokens // 2 + 1).astype(np.int32)
    places, size_ends = np.empty(len(marks), np.int32), np.empty(longest + 2, np.int32)
    sets, space = Group(order, sizes, size_ends, rows, row_starts), new_space(longest)
    bits = np.zeros(1 << 12, np.uint64)
    # A plain 0 would be a type of its own to Numba, and all that is handed it compiled twice.
    zero = found = int(np.int64(0))
    while group < end_group:
        first, last = bounds[group], bounds[group + 1]
        different = collect_sets(numbers, ends, first, last, marks, tokens, starts, seen)
        shared = number_shared(seen, different, marks, places)
        count = order_by_size(starts, last - first, order, sizes, size_ends)
        place_tokens(tokens, starts, order, count, places, rows, row_starts)
        words = (shared + 1) * words_for(count)
        if words > len(bits):
            bits = np.zeros(2 * words, np.uint64)
        bits[:words] = 0
        fill_bits(rows, row_starts, same, zero, count, words_for(count), bits)
        row, found = scan_rows(first, sets, same, bits, zero, count, from_row, texts, space, output, found)
        if row < count:
            return group, row, found
        group, from_row = group + 1, 0
    return group, 0, found


@compiled
def scan_rows(
    first: int,
    group: Group,
    places: ShortInts,
    bits: Words,
    begin: int,
    end: int,
    from_row: int,
    texts: Texts,
    space: Space,
    output: Output,
    found: int,
) -> tuple[int, int]:
    """The pairs of the texts from ``from_row`` on with later ones that stand from ``begin`` to ``end``.

    Appends to the output from place ``found`` on. Returns the row to go on with, which is ``end`` unless the
    output had no room, and the new ``found``.
    """
    order, sizes, size_ends, rows, row_starts = group
    _, _, needs, codes, offsets, parts, guards = texts
    start, counters, reached, token_rows = space
    out_i, out_j, out_score, dropped = output
    width = words_for(end - begin)
    size, partners_end, planes = 0, 0, 0
    for x in range(from_row, end):
        y = max(x + 1, begin)
        if y == end:
            break
        if sizes[x] == size and x >= begin:
            leave_out(x - begin, planes, width, start)
        # The fewest tokens that x shares with any partner; those it shares with nobody do not count.
        least = needs[sizes[x] + sizes[y]]
        if least > sizes[x] or row_starts[x + 1] - row_starts[x] < least:
            continue
        if sizes[x] != size:
            size, planes = sizes[x], planes_for(sizes[x])
            partners_end = start_counters(x, sizes, size_ends, begin, end, width, needs, start)
        if len(out_i) - found < partners_end - y:
            return x, found
        tokens = 0
        for p in range(row_starts[x], row_starts[x + 1]):
            place = places[rows[p]]
            token_rows[tokens] = np.uint64(place) * np.uint64(width)
            tokens += place > 0
        if tokens < least:
            continue
        for t in range(tokens, tokens + 7):
            token_rows[t] = 0
        any_reached, low, high = False, y - begin, partners_end - begin
        for word in range(low // LANE_BITS * LANE_WORDS, words_for(high), LANE_WORDS):
            any_reached |= count_lanes(
                bits, token_rows, tokens, start, planes, width, word, counters, reached
            )
        if any_reached:
            found = _take_reached(
                first, x, order, sizes, begin, low, high, reached, counters, planes, width, needs,
                codes, offsets, parts, guards, out_i, out_j, out_score, dropped, found,
            )  # fmt: skip
    return end, found


@inlined
def _take_reached(
    first: int, x: int, order: ShortInts, sizes: ShortInts, begin: int, low: int, high: int,
    reached: Words, counters: Words, planes: int, width: int, needs: Ints,
    codes: Codes, offsets: Offsets, parts: Ints, guards: Guards,
    out_i: Ints, out_j: Ints, out_score: npt.NDArray[np.float64], dropped: Ints, found: int,
) -> int:  # fmt: skip
    """Append the pairs of text x with the columns from ``low`` to ``high`` that overflowed."""
    ones = ~np.uint64(0)
    guarded = has_guards(guards)
    for word in range(low >> 6, (high + 63) >> 6):
        left = reached[word]
        if word == low >> 6:
            left &= ones << np.uint64(low & 63)
        if word == (high - 1) >> 6:
            left &= ones >> np.uint64(63 - ((high - 1) & 63))
        while left:
            bit = lowest_bit(left)
            left &= left - np.uint64(1)
            y = begin + 64 * word + bit
            i, j = first + min(order[x], order[y]), first + max(order[x], order[y])
            if len(parts) and parts[i] == parts[j]:
                continue
            if guarded and refused(codes, offsets, i, j, guards, dropped):
                continue
            total = sizes[x] + sizes[y]
            shared = needs[total]
            for plane in range(planes):
                over = counters[plane * width + word] >> np.uint64(bit) & np.uint64(1)
                shared += np.int64(over) << plane
            out_i[found], out_j[found], out_score[found] = i, j, shared / (total - shared)
            found += 1
    return found
