"""The token sets of a group: repeats and tokens of a single text dropped, ordered by size."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from corpus_builder.kernels.compiling import compiled
from corpus_builder.kernels.texts import Codes, Offsets

Ints = npt.NDArray[np.int64]
ShortInts = npt.NDArray[np.int32]
Words = npt.NDArray[np.uint64]


@compiled
def collect_sets(
    numbers: Codes,
    offsets: Offsets,
    first: int,
    last: int,
    marks: Words,
    tokens: Codes,
    starts: Ints,
    seen: Codes,
) -> int:
    """Write the set of text ``first + r``, up to ``last``, to ``tokens[starts[r] : starts[r + 1]]``.

    Args:
        numbers, offsets, first, last: what the texts are made of.
        marks: for each token ``(1 + last text that had it) * 2^32 + texts of this group that have it``;
            holds no mark of these texts before.
        tokens, starts: written.
        seen: written, each token of the group once.

    Returns:
        How many tokens ``seen`` has.
    """
    at, different = 0, 0
    group_stamp = np.uint64(first + 1) << np.uint64(32)
    starts[0] = 0
    for text in range(first, last):
        stamp = np.uint64(text + 1) << np.uint64(32)
        for p in range(offsets[text], offsets[text + 1]):
            token = numbers[p]
            mark = marks[token]
            # Every token is written, and what should not have been is overwritten: no branch to guess wrong.
            tokens[at] = token
            seen[different] = token
            is_new_here, is_new = mark < stamp, mark < group_stamp
            at += is_new_here
            different += is_new
            count = np.uint64(0) if is_new else mark & np.uint64(0xFFFFFFFF)
            marks[token] = stamp | (count + np.uint64(is_new_here))
        starts[text - first + 1] = at
    return different


@compiled
def number_shared(seen: Codes, different: int, marks: Words, places: ShortInts) -> int:
    """Give the tokens of two texts or more the places 1, 2, ... and the others, which no two share, 0.

    Returns how many are shared.
    """
    shared = 0
    for k in range(different):
        is_shared = marks[seen[k]] & np.uint64(0xFFFFFFFF) > np.uint64(1)
        shared += is_shared
        places[seen[k]] = shared if is_shared else 0
    return shared


@compiled
def order_by_size(starts: Ints, texts: int, order: ShortInts, sizes: ShortInts, size_ends: ShortInts) -> int:
    """Put the texts whose set is not empty in order of growing size; returns how many.

    ``order[x]`` is the x-th, counted in the group, ``sizes[x]`` the size of its set, and ``size_ends[s]``
    texts have size s or less.
    """
    size_ends[:] = 0
    for text in range(texts):
        size_ends[starts[text + 1] - starts[text] + 1] += 1
    empty = size_ends[1]
    size_ends[1] = 0
    for size in range(1, len(size_ends)):
        size_ends[size] += size_ends[size - 1]
    # For now size_ends[s] is where size s begins; placing its texts moves it to where they end.
    for text in range(texts):
        size = starts[text + 1] - starts[text]
        if size:
            x = size_ends[size]
            order[x], sizes[x] = text, size
            size_ends[size] = x + 1
    return texts - empty


@compiled
def place_tokens(
    tokens: Codes,
    starts: Ints,
    order: ShortInts,
    count: int,
    places: ShortInts,
    rows: ShortInts,
    row_starts: Ints,
) -> None:
    """Write the places of the x-th text's shared tokens to ``rows[row_starts[x] : row_starts[x + 1]]``."""
    at = 0
    row_starts[0] = 0
    for x in range(count):
        text = order[x]
        for p in range(starts[text], starts[text + 1]):
            place = places[tokens[p]]
            rows[at] = place
            at += place > 0
        row_starts[x + 1] = at
