"""All similar pairs of every group, exactly, many groups in one call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from corpus_builder.errors import InputError
from corpus_builder.kernels.compiling import compiled
from corpus_builder.kernels.counting import (
    BLOCK,
    Counters,
    count_lanes,
    fill_bits,
    new_counters,
    start_counters,
)
from corpus_builder.kernels.guards import DROPPED, Guards, check_guards, refused
from corpus_builder.kernels.index import (
    Ints,
    Rows,
    ShortInts,
    drop_lonely,
    new_rows,
    new_space,
    new_table,
    number_tokens,
    order_by_size,
)
from corpus_builder.kernels.texts import Codes, Offsets
from corpus_builder.kernels.tokens import token_keys
from corpus_builder.kernels.vectors import LANE_WORDS, lowest_bit
from corpus_builder.similarity import Variant, check_threshold

Floats = npt.NDArray[np.float64]
Words = npt.NDArray[np.uint64]
Pairs = tuple[Ints, Ints, Floats]

_FIRST_SLOTS = 1024


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
    return _sorted(i, j, score) if len(blocks) > 1 else (i, j, score)


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

    Each block is sorted by i, then j. Groups come one after the other; the pairs of a group that fills more
    than one block come by growing size of the larger text.

    Args:
        block_pairs: at least 4,096.
        codes, offsets, group_bounds, threshold, variant, guards, parts, dropped: of :func:`similar_pairs`.
    """
    check_threshold(threshold)
    if block_pairs < BLOCK:
        raise InputError(f"a block holds at least {BLOCK:,} pairs, not {block_pairs:,}")
    offsets = np.ascontiguousarray(offsets, np.int64)
    bounds = _checked_bounds(group_bounds, len(offsets) - 1)
    part_of = np.empty(0, np.int64) if parts is None else np.ascontiguousarray(parts, np.int64)
    if parts is not None and len(part_of) != len(offsets) - 1:
        raise InputError(f"{len(part_of):,} part numbers for {len(offsets) - 1:,} texts: one for each is needed")
    texts = Texts(np.ascontiguousarray(codes, np.uint32), offsets, part_of, check_guards(guards))
    output = _new_output(block_pairs, np.zeros(len(DROPPED), np.int64) if dropped is None else dropped)
    keys, key_offsets = token_keys(texts.codes, offsets, variant)
    group, row = 0, 0
    while group < len(bounds) - 1:
        if bounds[group + 1] - bounds[group] > BLOCK:
            yield from _large_group(keys, key_offsets, bounds[group], bounds[group + 1], threshold, texts, output)
            group, row = group + 1, 0
            continue
        group, row, found = _scan_groups(keys, key_offsets, bounds, group, row, threshold, texts, output)
        if found:
            yield _sorted(output.i[:found], output.j[:found], output.score[:found])


def _checked_bounds(group_bounds: npt.ArrayLike, texts: int) -> Ints:
    bounds = np.ascontiguousarray(group_bounds, np.int64)
    if bounds.ndim != 1 or not len(bounds) or bounds[0] < 0 or bounds[-1] > texts or (np.diff(bounds) < 0).any():
        raise InputError(f"group bounds are growing numbers from 0 to {texts:,}, the number of texts")
    return bounds


def _new_output(pairs: int, dropped: Ints) -> Output:
    return Output(np.empty(pairs, np.int64), np.empty(pairs, np.int64), np.empty(pairs), dropped)


def _sorted(i: Ints, j: Ints, score: Floats) -> Pairs:
    """A copy sorted by i, then j."""
    order = np.lexsort((j, i)) if len(i) and i.max() >= 1 << 31 else np.argsort(i << 31 | j)
    return i[order], j[order], score[order]


def _large_group(
    keys: Ints, offsets: Offsets, first: int, last: int, threshold: float, texts: Texts, output: Output
) -> Iterator[Pairs]:
    """A group of more than one block of texts: each block in turn against all texts that are no larger."""
    rows, kept, numbered, largest = _index_group(keys, offsets, first, last)
    counters = new_counters(largest)
    slots = np.zeros(numbered + 1, np.int32)
    for begin in range(0, kept, BLOCK):
        end = min(begin + BLOCK, kept)
        bits = _block_bits(rows, slots, begin, end)
        # |A| < t |B| is too small for any text of the block; one less keeps rounding out of it.
        smallest = max(0, int(threshold * rows.sizes[rows.order[begin]]) - 1)
        x, found = int(rows.size_ends[smallest]), 0
        while x < end:
            x, found = _scan_rows(
                first, rows, slots, bits, counters, begin, end, x, threshold, texts, output, found
            )
            if x < end:
                yield _sorted(output.i[:found], output.j[:found], output.score[:found])
                found = 0
        if found:
            yield _sorted(output.i[:found], output.j[:found], output.score[:found])
        _clear_slots(rows, slots, begin, end)


@compiled
def _index_group(keys: Ints, offsets: Offsets, first: int, last: int) -> tuple[Rows, int, int, int]:
    """The token sets of one large group: ``(rows, texts not empty, tokens of two texts, largest size)``."""
    tokens = offsets[last] - offsets[first]
    longest = 0
    for text in range(first, last):
        longest = max(longest, offsets[text + 1] - offsets[text])
    rows, space = new_rows(last - first, tokens, longest), new_space(tokens)
    numbered, _ = number_tokens(keys, offsets, first, last, new_table(_FIRST_SLOTS), space, rows)
    numbered = drop_lonely(rows, last - first, space, numbered)
    kept, largest = order_by_size(rows, last - first)
    return rows, kept, numbered, largest


@compiled
def _block_bits(rows: Rows, slots: ShortInts, begin: int, end: int) -> Words:
    """Number the tokens of a block from 1 up in ``slots`` and write its bit rows."""
    used = 0
    for position in range(begin, end):
        row = rows.order[position]
        for p in range(rows.starts[row], rows.ends[row]):
            if slots[rows.tokens[p]] == 0:
                used += 1
                slots[rows.tokens[p]] = used
    width = _width(end - begin)
    bits = np.zeros((used + 1) * width, np.uint64)
    fill_bits(rows, slots, begin, end, width, bits)
    return bits


@compiled
def _clear_slots(rows: Rows, slots: ShortInts, begin: int, end: int) -> None:
    for position in range(begin, end):
        row = rows.order[position]
        for p in range(rows.starts[row], rows.ends[row]):
            slots[rows.tokens[p]] = 0


@compiled
def _width(texts: int) -> int:
    """Words of a bit row: whole vectors."""
    lane_bits = 64 * LANE_WORDS
    return (texts + lane_bits - 1) // lane_bits * LANE_WORDS


@compiled
def _scan_groups(
    keys: Ints,
    offsets: Offsets,
    bounds: Ints,
    group: int,
    from_row: int,
    threshold: float,
    texts: Texts,
    output: Output,
) -> tuple[int, int, int]:
    """Groups of one block each, from ``group`` on, until a larger one comes or the output is full.

    Returns ``(group, row, pairs)`` where to go on; a group that was broken off is indexed anew.
    """
    most_texts, most_tokens, longest = 0, 0, 0
    last_group = group
    while last_group < len(bounds) - 1 and bounds[last_group + 1] - bounds[last_group] <= BLOCK:
        first, last = bounds[last_group], bounds[last_group + 1]
        most_texts = max(most_texts, last - first)
        most_tokens = max(most_tokens, offsets[last] - offsets[first])
        for text in range(first, last):
            longest = max(longest, offsets[text + 1] - offsets[text])
        last_group += 1
    rows, space = new_rows(most_texts, most_tokens, longest), new_space(most_tokens)
    counters, table = new_counters(longest), new_table(_FIRST_SLOTS)
    same = np.arange(most_tokens // 2 + 1).astype(np.int32)
    bits = np.zeros(1 << 12, np.uint64)
    found = 0
    while group < last_group:
        first, last = bounds[group], bounds[group + 1]
        numbered, table = number_tokens(keys, offsets, first, last, table, space, rows)
        numbered = drop_lonely(rows, last - first, space, numbered)
        kept, _ = order_by_size(rows, last - first)
        words = (numbered + 1) * _width(kept)
        if words > len(bits):
            bits = np.zeros(2 * words, np.uint64)
        bits[:words] = 0
        fill_bits(rows, same, 0, kept, _width(kept), bits)
        row, found = _scan_rows(
            first, rows, same, bits, counters, 0, kept, from_row, threshold, texts, output, found
        )
        if row < kept:
            return group, row, found
        group, from_row = group + 1, 0
    return group, 0, found


@compiled
def _scan_rows(
    first: int,
    rows: Rows,
    slots: ShortInts,
    bits: Words,
    counters: Counters,
    begin: int,
    end: int,
    from_row: int,
    threshold: float,
    texts: Texts,
    output: Output,
    found: int,
) -> tuple[int, int]:
    """The pairs of the texts ``order[from_row:end]`` with later ones that stand in ``order[begin:end]``.

    Appends to the output from place ``found`` on. Returns the row to go on with, which is ``end`` unless the
    output had no room, and the new ``found``.
    """
    width = _width(end - begin)
    size, last, planes, least = 0, 0, 0, 0
    for x in range(from_row, end):
        row = rows.order[x]
        if rows.sizes[row] != size:
            size = rows.sizes[row]
            last, planes, least = start_counters(rows, x, begin, end, width, threshold, counters)
        position = max(x + 1, begin)
        if position >= last:
            continue
        if len(output.i) - found < last - position:
            return x, found
        tokens = 0
        for p in range(rows.starts[row], rows.ends[row]):
            slot = slots[rows.tokens[p]]
            if slot:
                counters.token_rows[tokens] = slot * width
                tokens += 1
        if tokens < least:
            continue
        counters.token_rows[tokens : tokens + 7] = 0
        low, high = position - begin, last - begin
        for word in range(low // 512 * LANE_WORDS, (high - 1) // 512 * LANE_WORDS + 1, LANE_WORDS):
            count_lanes(bits, counters, tokens, planes, width, word)
        found = _take_reached(
            first, rows, row, counters, begin, low, high, width, planes, texts, output, found
        )
    return end, found


@compiled
def _take_reached(
    first: int,
    rows: Rows,
    row: int,
    counters: Counters,
    begin: int,
    low: int,
    high: int,
    width: int,
    planes: int,
    texts: Texts,
    output: Output,
    found: int,
) -> int:
    """Append the pairs of a text with the columns ``low`` to ``high`` that overflowed."""
    ones = ~np.uint64(0)
    for word in range(low >> 6, (high + 63) >> 6):
        reached = counters.reached[word]
        if word == low >> 6:
            reached &= ones << np.uint64(low & 63)
        if word == (high - 1) >> 6:
            reached &= ones >> np.uint64(63 - ((high - 1) & 63))
        while reached:
            bit = lowest_bit(reached)
            reached &= reached - np.uint64(1)
            other = rows.order[begin + 64 * word + bit]
            i, j = first + min(row, other), first + max(row, other)
            if len(texts.parts) and texts.parts[i] == texts.parts[j]:
                continue
            if refused(texts.codes, texts.offsets, i, j, texts.guards, output.dropped):
                continue
            shared = counters.need[rows.sizes[other]]
            for plane in range(planes):
                over = counters.planes[plane * width + word] >> np.uint64(bit) & np.uint64(1)
                shared += np.int64(over) << plane
            output.i[found], output.j[found] = i, j
            output.score[found] = shared / (rows.sizes[row] + rows.sizes[other] - shared)
            found += 1
    return found
