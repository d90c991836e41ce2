"""The token sets of a group: numbered, those of no use dropped, ordered by size."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from corpus_builder.kernels.compiling import compiled

Ints = npt.NDArray[np.int64]
ShortInts = npt.NDArray[np.int32]

_FIRST_SLOTS = 1024
_EMPTY = -1
_GOLDEN = 0x9E3779B97F4A7C15  # 2^64 over the golden ratio


class Table(NamedTuple):
    """An open-addressing table from token to number; the number of slots is a power of two."""

    keys: Ints
    numbers: ShortInts


class Space(NamedTuple):
    """Room to number the tokens of a group in: one place for each token that can be there."""

    slots: ShortInts
    last_seen: ShortInts
    frequency: ShortInts


class Rows(NamedTuple):
    """The sets of a group's texts.

    Attributes:
        starts: text r (counted within the group) has ``tokens[starts[r] : ends[r]]``, numbers from 1 up of
            tokens that another text has too.
        ends, tokens: see there.
        sizes: size of each text's whole set.
        order: the texts whose set is not empty, by growing size.
        size_ends: ``size_ends[s]`` texts of ``order`` have size s or less; up to the largest size and one.
    """

    starts: Ints
    ends: Ints
    tokens: ShortInts
    sizes: ShortInts
    order: ShortInts
    size_ends: ShortInts


@compiled
def new_table(slots: int) -> Table:
    """An empty table."""
    return Table(np.full(slots, _EMPTY, np.int64), np.empty(slots, np.int32))


@compiled
def new_space(tokens: int) -> Space:
    """Room for so many tokens."""
    return Space(np.empty(tokens, np.int32), np.empty(tokens, np.int32), np.empty(tokens, np.int32))


@compiled
def new_rows(texts: int, tokens: int, longest: int) -> Rows:
    """Room for a group of so many texts with so many tokens, repeats counted, ``longest`` of one text."""
    return Rows(
        np.empty(texts, np.int64),
        np.empty(texts, np.int64),
        np.empty(tokens, np.int32),
        np.empty(texts, np.int32),
        np.empty(texts, np.int32),
        np.empty(longest + 2, np.int32),
    )


@compiled
def _bigger(table: Table, space: Space, numbered: int) -> Table:
    """The same tokens in twice the slots."""
    bigger = new_table(2 * len(table.keys))
    shift = np.uint64(64 - _log2(len(bigger.keys)))
    for number in range(numbered):
        key = table.keys[space.slots[number]]
        slot = np.int64((np.uint64(key) * np.uint64(_GOLDEN)) >> shift)
        while bigger.keys[slot] != _EMPTY:
            slot = (slot + 1) & (len(bigger.keys) - 1)
        bigger.keys[slot] = key
        bigger.numbers[slot] = number
        space.slots[number] = slot
    return bigger


@compiled
def _log2(power: int) -> int:
    exponent = 0
    while 1 << exponent < power:
        exponent += 1
    return exponent


@compiled
def number_tokens(
    keys: Ints, offsets: Ints, first: int, last: int, table: Table, space: Space, rows: Rows
) -> tuple[int, Table]:
    """Number the tokens of the texts ``first`` to ``last`` in the order of first sight.

    Fills ``rows.starts``, ``ends``, ``tokens`` (each token of a text once) and ``sizes``, and
    ``space.frequency``. Returns how many different tokens there are and the table, emptied, which grows
    while more than half its slots are taken.
    """
    numbered, at = 0, 0
    shift, mask = np.uint64(64 - _log2(len(table.keys))), len(table.keys) - 1
    for text in range(first, last):
        row = text - first
        rows.starts[row] = at
        for p in range(offsets[text], offsets[text + 1]):
            key = keys[p]
            slot = np.int64((np.uint64(key) * np.uint64(_GOLDEN)) >> shift)
            while table.keys[slot] != key and table.keys[slot] != _EMPTY:
                slot = (slot + 1) & mask
            if table.keys[slot] == _EMPTY:
                table.keys[slot] = key
                table.numbers[slot] = numbered
                space.slots[numbered] = slot
                space.frequency[numbered] = 1
                space.last_seen[numbered] = row
                rows.tokens[at] = numbered
                at += 1
                numbered += 1
                if 2 * numbered > mask:
                    table = _bigger(table, space, numbered)
                    shift, mask = np.uint64(64 - _log2(len(table.keys))), len(table.keys) - 1
                continue
            number = table.numbers[slot]
            if space.last_seen[number] != row:
                space.last_seen[number] = row
                space.frequency[number] += 1
                rows.tokens[at] = number
                at += 1
        rows.ends[row] = at
        rows.sizes[row] = at - rows.starts[row]
    for number in range(numbered):
        table.keys[space.slots[number]] = _EMPTY
    return numbered, table


@compiled
def drop_lonely(rows: Rows, texts: int, space: Space, numbered: int) -> int:
    """Drop the tokens of a single text, which are in no intersection, and number the others from 1 up.

    Returns how many are left.
    """
    left = 0
    renumbered = space.last_seen
    for number in range(numbered):
        if space.frequency[number] > 1:
            left += 1
            renumbered[number] = left
            space.frequency[left - 1] = space.frequency[number]
        else:
            renumbered[number] = 0
    for row in range(texts):
        at = rows.starts[row]
        for p in range(rows.starts[row], rows.ends[row]):
            number = renumbered[rows.tokens[p]]
            rows.tokens[at] = number
            at += number > 0
        rows.ends[row] = at
    return left


@compiled
def order_by_size(rows: Rows, texts: int) -> tuple[int, int]:
    """Fill ``rows.order`` and ``size_ends``; returns how many texts are not empty and the largest size."""
    largest = 0
    for row in range(texts):
        largest = max(largest, rows.sizes[row])
    ends = rows.size_ends
    ends[: largest + 2] = 0
    for row in range(texts):
        if rows.sizes[row]:
            ends[rows.sizes[row] + 1] += 1
    for size in range(1, largest + 2):
        ends[size] += ends[size - 1]
    # For now ends[s] is where size s begins; placing its texts moves it to where they end.
    for row in range(texts):
        size = rows.sizes[row]
        if size:
            rows.order[ends[size]] = row
            ends[size] += 1
    return ends[largest], largest
