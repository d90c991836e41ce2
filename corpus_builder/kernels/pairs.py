"""All similar pairs of every group, exactly, many groups in one call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from corpus_builder.errors import InputError
from corpus_builder.kernels.compiling import compiled, inlined
from corpus_builder.kernels.counting import (
    count_lanes,
    fill_bits,
    leave_out,
    least_shared,
    planes_for,
    start_counters,
    words_for,
)
from corpus_builder.kernels.guards import DROPPED, Guards, check_guards, refused
from corpus_builder.kernels.index import (
    Ints,
    ShortInts,
    Words,
    collect_sets,
    number_shared,
    order_by_size,
    place_tokens,
)
from corpus_builder.kernels.texts import Codes, Offsets, as_codes, as_integers
from corpus_builder.kernels.tokens import number_tokens
from corpus_builder.kernels.vectors import LANE_BITS, LANE_WORDS, lowest_bit
from corpus_builder.similarity import Variant, check_threshold

Floats = npt.NDArray[np.float64]
Pairs = tuple[Ints, Ints, Floats]

BLOCK = 4096


class Texts(NamedTuple):
    """What a pair is judged by once its similarity is known."""

    codes: Codes
    offsets: Offsets
    parts: Ints
    guards: Guards


class Output(NamedTuple):
    """Where pairs go."""

    i: Ints
    j: Ints
    score: Floats
    dropped: Ints


def similar_pairs(
    codes: Codes,
    offsets: Offsets,
    group_bounds: npt.ArrayLike,
    threshold: float,
    variant: Variant = "set",
    *,
    guards: Guards = Guards(),
    parts: npt.ArrayLike | None = None,
    dropped: Ints | None = None,
) -> Pairs:
    """All pairs ``i < j`` of one group whose similarity reaches the threshold, sorted by i, then j.

    The score is ``|A ∩ B| / |A ∪ B|`` in float64, the very number :func:`corpus_builder.similarity.jaccard`
    gives, with A and B as the variant says. A text that is empty has no partner.

    Args:
        codes, offsets: normalised texts, see :mod:`corpus_builder.kernels`.
        group_bounds: group k is made of the texts ``group_bounds[k]`` to ``group_bounds[k + 1]``, not
            included; grows. Groups of thirty and of a million texts alike.
        threshold: in (0, 1].
        variant: of :func:`corpus_builder.similarity.jaccard`.
        guards: pairs to leave out, see :class:`corpus_builder.kernels.guards.Guards`.
        parts: a number for each text; two texts of a group with the same number are no pair (sentences of
            one answer).
        dropped: three int64 counters, in the order of ``guards.DROPPED``, that the pairs left out are added
            to.

    Returns:
        ``(i, j, score)``: int64, int64, float64; i and j count all texts, not those of the group.

    Raises:
        InputError: a threshold, variant, guard, bound or part that cannot be.

    Example:
        >>> from corpus_builder.kernels.texts import encode_texts
        >>> texts = ["北京好吗", "北京好玩吗", "天空是蓝色的", "天是蓝色的"]
        >>> i, j, score = similar_pairs(*encode_texts(texts), [0, 2, 4], 0.5)
        >>> [(texts[a], texts[b], s) for a, b, s in zip(i, j, score.tolist())]
        [('北京好吗', '北京好玩吗', 0.8), ('天空是蓝色的', '天是蓝色的', 0.8333333333333334)]
    """
    blocks = list(
        iter_similar_pairs(
            codes, offsets, group_bounds, threshold, variant, guards=guards, parts=parts, dropped=dropped
        )
    )
    if not blocks:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float64)
    i, j, score = (np.concatenate(arrays) for arrays in zip(*blocks, strict=True))
    order = np.argsort(i << 31 | j) if len(offsets) <= 1 << 31 else np.lexsort((j, i))
    return i[order], j[order], score[order]


def iter_similar_pairs(
    codes: Codes,
    offsets: Offsets,
    group_bounds: npt.ArrayLike,
    threshold: float,
    variant: Variant = "set",
    *,
    guards: Guards = Guards(),
    parts: npt.ArrayLike | None = None,
    dropped: Ints | None = None,
    block_pairs: int = 1 << 20,
) -> Iterator[Pairs]:
    """The pairs of :func:`similar_pairs` in blocks of at most ``block_pairs``, so that memory is bounded.

    Groups come one after the other, the pairs of a group in no particular order, the same each time.

    Args:
        block_pairs: at least 4,096.
        codes, offsets, group_bounds, threshold, variant, guards, parts, dropped: of :func:`similar_pairs`.
    """
    check_threshold(threshold)
    if block_pairs < BLOCK:
        raise InputError(f"a block holds at least {BLOCK:,} pairs, not {block_pairs:,}")
    offsets = as_integers(offsets)
    bounds = _checked_bounds(group_bounds, len(offsets) - 1)
    part_of = as_integers([] if parts is None else parts)
    if parts is not None and len(part_of) != len(offsets) - 1:
        raise InputError(f"{len(part_of):,} part numbers for {len(offsets) - 1:,} texts: one for each is needed")
    texts = Texts(as_codes(codes), offsets, part_of, check_guards(guards))
    output = _new_output(block_pairs, np.zeros(len(DROPPED), np.int64) if dropped is None else dropped)
    numbers, ends, limit = number_tokens(texts.codes, offsets, bounds, variant)
    needs = least_shared(int(np.diff(ends).max(initial=0)), float(threshold))
    group, row = 0, 0
    while group < len(bounds) - 1:
        if bounds[group + 1] - bounds[group] > BLOCK:
            first, last = int(bounds[group]), int(bounds[group + 1])
            yield from _large_group(numbers, ends, first, last, limit, needs, texts, output)
            group, row = group + 1, 0
            continue
        marks = np.zeros(limit, np.uint64)  # from Python, which gets zeros without writing them
        group, row, found = _scan_groups(numbers, ends, bounds, group, row, marks, needs, texts, output)
        if found:
            yield _copies(output, found)


def _checked_bounds(group_bounds: npt.ArrayLike, texts: int) -> Ints:
    bounds = as_integers(group_bounds)
    if bounds.ndim != 1 or not len(bounds) or bounds[0] < 0 or bounds[-1] > texts or (np.diff(bounds) < 0).any():
        raise InputError(f"group bounds are growing numbers from 0 to {texts:,}, the number of texts")
    return bounds


def _new_output(pairs: int, dropped: Ints) -> Output:
    return Output(np.empty(pairs, np.int64), np.empty(pairs, np.int64), np.empty(pairs), dropped)


def _copies(output: Output, found: int) -> Pairs:
    return output.i[:found].copy(), output.j[:found].copy(), output.score[:found].copy()


def _large_group(
    numbers: Codes,
    offsets: Offsets,
    first: int,
    last: int,
    limit: int,
    needs: Ints,
    texts: Texts,
    output: Output,
) -> Iterator[Pairs]:
    """A group of more than one block of texts: each block in turn against all texts that are no larger."""
    order, sizes, size_ends, rows, row_starts, shared = _index_group(
        numbers, offsets, first, last, np.zeros(limit, np.uint64)
    )
    places = np.zeros(shared + 1, np.int32)
    space = _new_space(needs)
    for begin in range(0, len(order), BLOCK):
        end = min(begin + BLOCK, len(order))
        bits = _block_bits(rows, row_starts, places, begin, end)
        x, found = _first_partner(sizes, size_ends, needs, begin), 0
        while x < end:
            x, found = _scan_rows(
                first, order, sizes, size_ends, rows, row_starts, places, bits, begin, end, x, needs,
                *space,
                texts.codes, texts.offsets, texts.parts, texts.guards,
                output.i, output.j, output.score, output.dropped, found,
            )  # fmt: skip
            if found:
                yield _copies(output, found)
                found = 0
        _clear_places(rows, row_starts, places, begin, end)


@compiled
def _new_space(needs: Ints) -> tuple[Words, Words, Words, Words]:
    """What :func:`_scan_rows` works in: start planes, counters, columns reached, bit rows of a text."""
    longest = len(needs) // 2
    words = planes_for(longest) * words_for(BLOCK)
    return (
        np.empty(words, np.uint64),
        np.empty(words, np.uint64),
        np.empty(words_for(BLOCK), np.uint64),
        np.empty(longest + 8, np.uint64),
    )


def _first_partner(sizes: ShortInts, size_ends: ShortInts, needs: Ints, begin: int) -> int:
    """The first text large enough for one of the block from ``begin`` on."""
    size = 1
    while needs[size + sizes[begin]] > size:
        size += 1
    return int(size_ends[size - 1])


@compiled
def _index_group(
    numbers: Codes, offsets: Offsets, first: int, last: int, marks: Words
) -> tuple[ShortInts, ShortInts, ShortInts, ShortInts, Ints, int]:
    """One large group: ``(order, sizes, size_ends, rows, row_starts, shared tokens)``."""
    texts, total = last - first, offsets[last] - offsets[first]
    starts, tokens, seen = np.empty(texts + 1, np.int64), np.empty(total, np.uint32), np.empty(total, np.uint32)
    places = np.empty(len(marks), np.int32)
    different = collect_sets(numbers, offsets, first, last, marks, tokens, starts, seen)
    shared = number_shared(seen, different, marks, places)
    largest = 0
    for text in range(texts):
        largest = max(largest, starts[text + 1] - starts[text])
    order, sizes = np.empty(texts, np.int32), np.empty(texts, np.int32)
    size_ends = np.empty(largest + 2, np.int32)
    count = order_by_size(starts, texts, order, sizes, size_ends)
    rows, row_starts = np.empty(total, np.int32), np.empty(texts + 1, np.int64)
    place_tokens(tokens, starts, order, count, places, rows, row_starts)
    return order[:count], sizes[:count], size_ends, rows, row_starts, shared


@compiled
def _block_bits(rows: ShortInts, row_starts: Ints, places: ShortInts, begin: int, end: int) -> Words:
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
def _clear_places(rows: ShortInts, row_starts: Ints, places: ShortInts, begin: int, end: int) -> None:
    for p in range(row_starts[begin], row_starts[end]):
        places[rows[p]] = 0


@compiled
def _scan_groups(
    numbers: Codes,
    offsets: Offsets,
    bounds: Ints,
    group: int,
    from_row: int,
    marks: Words,
    needs: Ints,
    texts: Texts,
    output: Output,
) -> tuple[int, int, int]:
    """Groups of one block each, from ``group`` on, until a larger one comes or the output is full.

    Returns ``(group, row, pairs)`` where to go on; a group that was broken off is indexed anew.
    """
    most_texts, most_tokens, end_group = 0, 0, group
    while end_group < len(bounds) - 1 and bounds[end_group + 1] - bounds[end_group] <= BLOCK:
        first, last = bounds[end_group], bounds[end_group + 1]
        most_texts, most_tokens = max(most_texts, last - first), max(most_tokens, offsets[last] - offsets[first])
        end_group += 1
    places = np.empty(len(marks), np.int32)
    starts, row_starts = np.empty(most_texts + 1, np.int64), np.empty(most_texts + 1, np.int64)
    tokens, seen = np.empty(most_tokens, np.uint32), np.empty(most_tokens, np.uint32)
    order, sizes = np.empty(most_texts, np.int32), np.empty(most_texts, np.int32)
    rows, same = np.empty(most_tokens, np.int32), np.arange(most_tokens // 2 + 1).astype(np.int32)
    size_ends = np.empty(len(needs) // 2 + 2, np.int32)
    bits = np.zeros(1 << 12, np.uint64)
    start, counters, reached, token_rows = _new_space(needs)
    found = 0
    codes, text_offsets, parts, guards = texts
    out_i, out_j, out_score, dropped = output
    while group < end_group:
        first, last = bounds[group], bounds[group + 1]
        different = collect_sets(numbers, offsets, first, last, marks, tokens, starts, seen)
        shared = number_shared(seen, different, marks, places)
        count = order_by_size(starts, last - first, order, sizes, size_ends)
        place_tokens(tokens, starts, order, count, places, rows, row_starts)
        width = words_for(count)
        if (shared + 1) * width > len(bits):
            bits = np.zeros(2 * (shared + 1) * width, np.uint64)
        bits[: (shared + 1) * width] = 0
        fill_bits(rows, row_starts, same, 0, count, width, bits)
        row, found = _scan_rows(
            first, order, sizes, size_ends, rows, row_starts, same, bits, np.int64(0), count, from_row, needs,
            start, counters, reached, token_rows,
            codes, text_offsets, parts, guards, out_i, out_j, out_score, dropped, found,
        )  # fmt: skip
        if row < count:
            return group, row, found
        group, from_row = group + 1, 0
    return group, 0, found


@compiled
def _scan_rows(
    first: int,
    order: ShortInts,
    sizes: ShortInts,
    size_ends: ShortInts,
    rows: ShortInts,
    row_starts: Ints,
    places: ShortInts,
    bits: Words,
    begin: int,
    end: int,
    from_row: int,
    needs: Ints,
    start: Words,
    counters: Words,
    reached: Words,
    token_rows: Words,
    codes: Codes,
    offsets: Offsets,
    parts: Ints,
    guards: Guards,
    out_i: Ints,
    out_j: Ints,
    out_score: Floats,
    dropped: Ints,
    found: int,
) -> tuple[int, int]:
    """The pairs of the texts from ``from_row`` on with later ones that stand from ``begin`` to ``end``.

    Appends to the output from place ``found`` on. Returns the row to go on with, which is ``end`` unless the
    output had no room, and the new ``found``.
    """
    width = words_for(end - begin)
    started, partners_end, planes = 0, 0, 0
    for x in range(from_row, end):
        size = sizes[x]
        y = max(x + 1, begin)
        if size == started and x >= begin:
            leave_out(x - begin, planes, width, start)
        # The fewest tokens that x shares with any partner; those it shares with nobody do not count.
        least = needs[size + sizes[min(y, end - 1)]]
        if y >= end or least > size or row_starts[x + 1] - row_starts[x] < least:
            continue
        if size != started:
            started, planes = size, planes_for(size)
            partners_end = start_counters(x, sizes, size_ends, begin, end, width, needs, start)
        if y >= partners_end:
            continue
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
        any_reached = False
        low, high = y - begin, partners_end - begin
        for word in range(low // LANE_BITS * LANE_WORDS, (high - 1) // LANE_BITS * LANE_WORDS + 1, LANE_WORDS):
            any_reached |= count_lanes(bits, token_rows, tokens, start, planes, width, word, counters, reached)
        if any_reached:
            found = _take_reached(
                first, x, order, sizes, begin, low, high, reached, counters, planes, width, needs,
                codes, offsets, parts, guards, out_i, out_j, out_score, dropped, found,
            )  # fmt: skip
    return end, found


@inlined
def _take_reached(
    first: int,
    x: int,
    order: ShortInts,
    sizes: ShortInts,
    begin: int,
    low: int,
    high: int,
    reached: Words,
    counters: Words,
    planes: int,
    width: int,
    needs: Ints,
    codes: Codes,
    offsets: Offsets,
    parts: Ints,
    guards: Guards,
    out_i: Ints,
    out_j: Ints,
    out_score: Floats,
    dropped: Ints,
    found: int,
) -> int:
    """Append the pairs of text x with the columns from ``low`` to ``high`` that overflowed."""
    ones = ~np.uint64(0)
    size = sizes[x]
    has_parts, has_guards = len(parts) > 0, guards.equal or guards.contained or guards.max_length_ratio < np.inf
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
            if has_parts and parts[i] == parts[j]:
                continue
            if has_guards and refused(codes, offsets, i, j, guards, dropped):
                continue
            total = size + sizes[y]
            shared = needs[total]
            for plane in range(planes):
                over = counters[plane * width + word] >> np.uint64(bit) & np.uint64(1)
                shared += np.int64(over) << plane
            out_i[found], out_j[found], out_score[found] = i, j, shared / (total - shared)
            found += 1
    return found
