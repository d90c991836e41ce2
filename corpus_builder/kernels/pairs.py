"""All similar pairs of every group, exactly, many groups in one call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from corpus_builder.errors import InputError
from corpus_builder.kernels.counting import least_shared
from corpus_builder.kernels.guards import DROPPED, Guards, check_guards
from corpus_builder.kernels.index import Ints
from corpus_builder.kernels.normalise import normalise_spans
from corpus_builder.kernels.search import (
    BLOCK,
    Output,
    Texts,
    block_bits,
    clear_places,
    index_group,
    new_space,
    scan_groups,
    scan_rows,
)
from corpus_builder.kernels.texts import Codes, Offsets, as_codes, as_integers, encode_texts
from corpus_builder.kernels.tokens import number_tokens
from corpus_builder.similarity import Variant, check_threshold

Pairs = tuple[Ints, Ints, npt.NDArray[np.float64]]


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
    codes, offsets = as_codes(codes), as_integers(offsets)
    bounds = _checked_bounds(group_bounds, len(offsets) - 1)
    numbers, ends, limit = number_tokens(codes, offsets, bounds, variant)
    needs = least_shared(int(np.diff(ends).max(initial=0)), float(threshold))
    part_of = _checked_parts(parts, len(offsets) - 1)
    texts = Texts(numbers, ends, needs, codes, offsets, part_of, check_guards(guards))
    output = Output(
        np.empty(block_pairs, np.int64),
        np.empty(block_pairs, np.int64),
        np.empty(block_pairs),
        np.zeros(len(DROPPED), np.int64) if dropped is None else dropped,
    )
    group, row = 0, 0
    while group < len(bounds) - 1:
        marks = np.zeros(limit, np.uint64)  # from Python, which gets zeros without writing them
        if bounds[group + 1] - bounds[group] > BLOCK:
            yield from _large_group(int(bounds[group]), int(bounds[group + 1]), texts, marks, output)
            group += 1
        else:
            group, row, found = scan_groups(bounds, group, row, texts, marks, output)
            if found:
                yield _copies(output, found)


def jaccard_pairs(
    texts: Sequence[str], threshold: float, *, variant: Variant = "set", normalised: bool = False
) -> list[tuple[int, int, float]]:
    """All pairs ``i < j`` with ``jaccard(texts[i], texts[j], variant=variant) >= threshold``, exactly.

    For many groups, or more pairs than fit in memory, call :func:`iter_similar_pairs`.

    Args:
        texts: the group's texts, few or hundreds of thousands.
        threshold: in (0, 1]; a pair is kept when its similarity reaches it.
        variant: of :func:`corpus_builder.similarity.jaccard`.
        normalised: the texts have gone through :func:`corpus_builder.similarity.normalise` already.

    Returns:
        ``(i, j, score)`` sorted by ``i``, then ``j``; a text empty after normalisation has no partner.

    Raises:
        InputError: a threshold or variant that there is not.
    """
    codes, offsets = encode_texts(texts)
    if not normalised:
        codes, offsets = normalise_spans(codes, offsets[:-1], offsets[1:])
    left, right, scores = similar_pairs(codes, offsets, np.array([0, len(texts)]), threshold, variant)
    return list(zip(left.tolist(), right.tolist(), scores.tolist(), strict=True))


def _checked_bounds(group_bounds: npt.ArrayLike, texts: int) -> Ints:
    bounds = as_integers(group_bounds)
    grows = bounds.ndim == 1 and len(bounds) > 0 and not (np.diff(bounds) < 0).any()
    if not grows or bounds[0] < 0 or bounds[-1] > texts:
        raise InputError(f"group bounds are growing numbers from 0 to {texts:,}, the number of texts")
    return bounds


def _checked_parts(parts: npt.ArrayLike | None, texts: int) -> Ints:
    if parts is None:
        return np.empty(0, np.int64)
    numbers = as_integers(parts)
    if len(numbers) != texts:
        raise InputError(f"one part number for each of {texts:,} texts is needed, not {len(numbers):,}")
    return numbers


def _copies(output: Output, found: int) -> Pairs:
    return output.i[:found].copy(), output.j[:found].copy(), output.score[:found].copy()


def _large_group(
    first: int, last: int, texts: Texts, marks: npt.NDArray[np.uint64], output: Output
) -> Iterator[Pairs]:
    """A group of more than one block: each block in turn against all texts that are no larger."""
    group, count, shared = index_group(texts.numbers, texts.ends, first, last, marks)
    places = np.zeros(shared + 1, np.int32)
    space = new_space(len(texts.needs) // 2)
    for begin in range(0, count, BLOCK):
        end = min(begin + BLOCK, count)
        bits = block_bits(group.rows, group.row_starts, places, begin, end)
        # The least size that reaches the threshold with the block's smallest.
        size = 1
        while texts.needs[size + group.sizes[begin]] > size:
            size += 1
        row, found = int(group.size_ends[size - 1]), 0
        while row < end:
            row, found = scan_rows(first, group, places, bits, begin, end, row, texts, space, output, 0)
            if found:
                yield _copies(output, found)
        clear_places(group.rows, group.row_starts, places, begin, end)
