"""At most m partners for each text of a group that has more similar pairs than memory should hold.

The rule is that of a sequential pass: go through all pairs of a group, the most similar first and of equal
ones the nearest in place first, and keep a pair while neither of its texts has m partners. The pass would
need all pairs at once. Here each text remembers its best few while the pairs stream by; the pass over those
is the same as the one over all until two texts have both run through their list and still want partners,
since a forgotten pair stands behind the lists of both its texts. There it stops, and the search is repeated
for the texts that want partners still.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from corpus_builder.kernels.compiling import compiled, inlined
from corpus_builder.kernels.index import Ints

Pairs = tuple[Ints, Ints, npt.NDArray[np.float64]]
Mask = npt.NDArray[np.bool_]
Search = Callable[[Ints], Iterable[Pairs]]

REMEMBERED = 32
"""Partners that a text remembers at the least; more where it may keep many."""


class _Lists(NamedTuple):
    """The best partners of each text, as heaps with the worst of them at the top."""

    others: Ints  # (texts, remembered)
    scores: npt.NDArray[np.float64]
    filled: Ints
    forgot: Mask


def limit_partners(texts: Ints, max_partners: int, search: Search, *, remembered: int = 0) -> Pairs:
    """The pairs of one group that a sequential pass over all of them keeps, however many there are.

    Args:
        texts: the group's texts by their places, growing.
        max_partners: most partners of a text.
        search: gives all pairs ``(i, j, score)``, places with ``i < j``, among the texts it is given, in
            blocks, the same each time.
        remembered: partners that a text remembers; 0: as many as are useful.

    Returns:
        The pairs kept, in no particular order. Memory: about 600 bytes a text, or 64 bytes for each partner
        allowed where that is more.
    """
    remembered = remembered or max(REMEMBERED, 4 * max_partners)
    partners = np.zeros(int(texts.max(initial=0)) + 1, np.int64)
    stopped_score, stopped_at = np.inf, (0, 0)  # the last pair that was decided on
    kept: list[Pairs] = []
    while True:
        row = np.full(len(partners), -1, np.int64)
        row[texts] = np.arange(len(texts))
        lists = _Lists(
            np.empty((len(texts), remembered), np.int64),
            np.empty((len(texts), remembered)),
            np.zeros(len(texts), np.int64),
            np.zeros(len(texts), np.bool_),
        )
        for i, j, score in search(texts):
            _remember(i, j, score, row, lists, stopped_score, *stopped_at)
        i, j, score = _remembered_pairs(texts, lists)
        order = np.lexsort((i, j - i, -score))
        i, j, score = i[order], j[order], score[order]
        taken, decided = _pass(i, j, row, lists, max_partners, partners)
        kept.append((i[taken], j[taken], score[taken]))
        if decided == len(i):
            break
        stopped_score, stopped_at = float(score[decided]), (int(i[decided]), int(j[decided]))
        texts = texts[partners[texts] < max_partners]
    i, j, score = (np.concatenate(arrays) for arrays in zip(*kept, strict=True))
    return i, j, score


@inlined
def _comes_before(score_a: float, i_a: int, j_a: int, score_b: float, i_b: int, j_b: int) -> bool:
    """Whether pair a stands before pair b in the sequential pass (i < j in both)."""
    if score_a != score_b:
        return score_a > score_b
    if j_a - i_a != j_b - i_b:
        return j_a - i_a < j_b - i_b
    return i_a < i_b


@compiled
def _remember(
    i: Ints,
    j: Ints,
    score: npt.NDArray[np.float64],
    row: Ints,
    lists: _Lists,
    stopped_score: float,
    stopped_i: int,
    stopped_j: int,
) -> None:
    """Put each pair on the lists of both its texts, except pairs that an earlier pass has decided on."""
    others, scores, filled, forgot = lists
    for pair in range(len(i)):
        a, b, s = i[pair], j[pair], score[pair]
        if _comes_before(stopped_score, stopped_i, stopped_j, s, a, b):
            _put(a, b, s, row[a], others, scores, filled, forgot)
            _put(b, a, s, row[b], others, scores, filled, forgot)


@compiled
def _put(
    text: int,
    other: int,
    score: float,
    row: int,
    others: Ints,
    scores: npt.NDArray[np.float64],
    filled: Ints,
    forgot: Mask,
) -> None:
    """One partner for the list of a text; a full list forgets its worst."""
    most, at = others.shape[1], filled[row]
    if at < most:  # up from the last place
        filled[row] = at + 1
        while at > 0:
            above = (at - 1) // 2
            if not _is_better(text, others[row, above], scores[row, above], other, score):
                break
            others[row, at], scores[row, at] = others[row, above], scores[row, above]
            at = above
    else:  # down from the top
        forgot[row] = True
        if not _is_better(text, other, score, others[row, 0], scores[row, 0]):
            return
        at = 0
        while 2 * at + 1 < most:
            below = 2 * at + 1
            if below + 1 < most and _is_better(
                text, others[row, below], scores[row, below], others[row, below + 1], scores[row, below + 1]
            ):
                below += 1
            if not _is_better(text, other, score, others[row, below], scores[row, below]):
                break
            others[row, at], scores[row, at] = others[row, below], scores[row, below]
            at = below
    others[row, at], scores[row, at] = other, score


@inlined
def _is_better(text: int, other_a: int, score_a: float, other_b: int, score_b: float) -> bool:
    """Whether partner a of the text comes before partner b."""
    return _comes_before(
        score_a, min(text, other_a), max(text, other_a), score_b, min(text, other_b), max(text, other_b)
    )


def _remembered_pairs(texts: Ints, lists: _Lists) -> Pairs:
    """The pairs on any list, each once."""
    there = np.arange(lists.others.shape[1]) < lists.filled[:, None]
    text = np.broadcast_to(texts[:, None], there.shape)[there]
    other, score = lists.others[there], lists.scores[there]
    i, j = np.minimum(text, other), np.maximum(text, other)
    order = np.lexsort((j, i))
    i, j, score = i[order], j[order], score[order]
    first = np.ones(len(i), bool)
    first[1:] = (i[1:] != i[:-1]) | (j[1:] != j[:-1])
    return i[first], j[first], score[first]


@compiled
def _pass(i: Ints, j: Ints, row: Ints, lists: _Lists, max_partners: int, partners: Ints) -> tuple[Mask, int]:
    """The sequential pass over remembered pairs, as far as they tell.

    Returns which pairs it keeps, and the place of the last one it could decide on, or how many there are.
    """
    others, _, filled, forgot = lists
    taken = np.zeros(len(i), np.bool_)
    through = np.zeros(len(filled), np.bool_)  # texts that are through their list and want partners
    wanting = 0
    for pair in range(len(i)):
        a, b = i[pair], j[pair]
        if partners[a] < max_partners and partners[b] < max_partners:
            taken[pair] = True
            for text in (a, b):
                partners[text] += 1
                if partners[text] == max_partners and through[row[text]]:
                    wanting -= 1
        for text, other in ((a, b), (b, a)):
            if forgot[row[text]] and others[row[text], 0] == other and partners[text] < max_partners:
                through[row[text]] = True
                wanting += 1
        if wanting > 1:
            return taken, pair
    return taken, len(i)
