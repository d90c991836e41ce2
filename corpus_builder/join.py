"""Exact Jaccard join of many short texts by prefix filtering (Chaudhuri et al. 2006; Bayardo et al. 2007).

Order the characters from rare to frequent. If two sets reach Jaccard t, then they share a character
among the first ``|x| - ceil(t * |x|) + 1`` of the larger set x and the first
``|y| - ceil(2t / (1 + t) * |y|) + 1`` of the smaller set y, and ``|y| >= t * |x|``. So an inverted index
over those prefixes finds every pair, and only its few candidates are compared in full.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from corpus_builder.similarity import check_threshold, jaccard_pairs, normalise

_EPSILON = 1e-9  # keeps ceil() from rounding an exact product such as 0.6 * 5 up
_WORDS = 4
_NONE = np.zeros(0, np.int32)
_MATRIX_LIMIT = 2000  # texts of a group up to which one matrix product is faster than the index


def jaccard_join(
    texts: Sequence[str], threshold: float, *, normalised: bool = False
) -> Iterator[tuple[int, int, float]]:
    """The pairs of :func:`corpus_builder.similarity.jaccard_pairs`, for a hundred thousand texts.

    Yields ``(i, j, score)`` with ``i < j``, in no promised order; memory grows with the texts, not the pairs.
    """
    check_threshold(threshold)
    if not normalised:
        texts = [normalise(text) for text in texts]
    table = _SortedSets(texts)
    postings = table.index_prefixes(threshold)
    member = np.zeros(table.alphabet + 1, bool)
    for row in range(len(table.sizes)):
        size = int(table.sizes[row])
        tokens = table.tokens[row, :size]
        candidates = table.candidates(row, postings, threshold)
        if not len(candidates):
            continue
        member[tokens] = True
        common = member[table.tokens[candidates, :size]].sum(axis=1)
        member[tokens] = False
        score = common / (size + table.sizes[candidates] - common)
        for other, value in zip(candidates[score >= threshold], score[score >= threshold], strict=True):
            i, j = int(table.order[row]), int(table.order[other])
            yield min(i, j), max(i, j), float(value)


class _SortedSets:
    """The texts' character sets by growing size, each with its rare characters first."""

    def __init__(self, texts: Sequence[str]) -> None:
        sets = [set(text) for text in texts]
        count: dict[str, int] = {}
        for characters in sets:
            for character in characters:
                count[character] = count.get(character, 0) + 1
        rank = {c: i for i, c in enumerate(sorted(count, key=lambda c: (count[c], c)))}
        self.alphabet = len(rank)
        self.order = np.array(
            [i for i in np.argsort([len(s) for s in sets], kind="stable") if sets[i]], np.int64
        )
        self.sizes = np.array([len(sets[i]) for i in self.order], np.int64)
        width = int(self.sizes.max()) if len(self.sizes) else 0
        # Padded with `alphabet`, which is a member of nothing.
        self.tokens = np.full((len(self.order), width), self.alphabet, np.int32)
        for row, i in enumerate(self.order):
            self.tokens[row, : len(sets[i])] = sorted(rank[c] for c in sets[i])
        self.first_of_size = np.searchsorted(self.sizes, np.arange(width + 2)).tolist()
        self.signatures = self._signatures()
        self.folded = np.bitwise_or.reduce(self.signatures, axis=1)

    def _signatures(self) -> npt.NDArray[np.uint64]:
        """256 bits a set, in four words: bit ``rank mod 256`` for each character."""
        rank = np.arange(self.alphabet + 1, dtype=np.uint64)
        bits = np.zeros((self.alphabet + 1, _WORDS), np.uint64)
        bits[np.arange(self.alphabet + 1), rank // np.uint64(64) % np.uint64(_WORDS)] = np.uint64(1) << (
            rank % np.uint64(64)
        )
        bits[self.alphabet] = 0  # the padding
        signatures = np.zeros((len(self.order), _WORDS), np.uint64)
        for column in range(self.tokens.shape[1]):
            signatures |= bits[self.tokens[:, column]]
        return signatures

    def candidates(
        self, row: int, postings: list[npt.NDArray[np.int32]], threshold: float
    ) -> npt.NDArray[np.int32]:
        """The earlier rows that may reach the threshold with this one."""
        size = int(self.sizes[row])
        smallest = math.ceil(threshold * size - _EPSILON)
        first = self.first_of_size[smallest]
        lists = []
        for position, token in enumerate(self.tokens[row, : size - smallest + 1].tolist()):
            rows = postings[token]
            if not len(rows):
                continue
            # If this is the first shared character, at most size - position are shared, and a partner so
            # large that t would need more is out.
            largest = math.floor((size - position) * (1 + threshold) / threshold - size + _EPSILON)
            end = min(row, self.first_of_size[largest + 1]) if largest < size else row
            low, high = rows.searchsorted((first, end))
            if high > low:
                lists.append(rows[low:high])
        if not lists:
            return _NONE
        found = np.concatenate(lists)
        # A bit of x that y lacks proves a character of x that y lacks. First with one word and the smallest
        # partner there can be, so that little is fetched; then with all words and each partner's size.
        missing = np.bitwise_count(self.folded[row] & ~self.folded[found])
        share = threshold / (1 + threshold)
        found = found[missing <= size - share * (size + smallest) + _EPSILON]
        found.sort()
        distinct = np.ones(len(found), bool)
        np.not_equal(found[1:], found[:-1], out=distinct[1:])
        found = found[distinct]
        missing = np.bitwise_count(self.signatures[row] & ~self.signatures[found]).sum(axis=1)
        return found[missing <= size - share * (size + self.sizes[found]) + _EPSILON * size]

    def index_prefixes(self, threshold: float) -> list[npt.NDArray[np.int32]]:
        """For each character the rows, growing, that have it in their indexed prefix."""
        needed = np.ceil(2 * threshold / (1 + threshold) * self.sizes - _EPSILON).astype(np.int64)
        length = self.sizes - needed + 1
        inside = np.arange(self.tokens.shape[1])[None, :] < length[:, None]
        rows, columns = np.nonzero(inside)
        tokens = self.tokens[rows, columns]
        by_token = np.argsort(tokens, kind="stable")
        bounds = np.searchsorted(tokens[by_token], np.arange(self.alphabet + 1))
        by_rank: npt.NDArray[np.int32] = rows[by_token].astype(np.int32)
        return [by_rank[bounds[t] : bounds[t + 1]] for t in range(self.alphabet)]


def similar_pairs(normalised: Sequence[str], threshold: float) -> Iterable[tuple[int, int, float]]:
    """All similar pairs of a group by whichever exact method suits its size."""
    if len(normalised) <= _MATRIX_LIMIT:
        return jaccard_pairs(normalised, threshold, normalised=True)
    return sorted(jaccard_join(normalised, threshold, normalised=True))
