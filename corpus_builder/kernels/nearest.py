"""At most m partners for each text of a group that has more similar pairs than memory should hold.

The rule is that of a sequential pass: go through all pairs of a group, the most similar first and of equal
ones the nearest in place first, and keep a pair while neither of its texts has m partners. The pass would
need all pairs at once. Here each text remembers its best few while the pairs stream by, and a pair is
forgotten that stands on neither list. So what is forgotten stands, in the order of the pass, behind both
lists. The pass over what is remembered decides on a pair as the full one would, until a text is through its
list and still wants partners. From there on that text is in doubt, and so is every text that meets one in
doubt while both want partners. What is in doubt is left to the next search, among the texts that still want
partners.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from corpus_builder.kernels.compiling import compiled, inlined
from corpus_builder.kernels.index import Ints

Scores = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Pairs = tuple[Ints, Ints, Scores]
Search = Callable[[Ints, float], Iterable[Pairs]]
Admit = Callable[[Ints, Ints], Mask]

REMEMBERED = 32
"""Partners that a text remembers at the least; more where it may keep many."""

_STEPS = tuple(step / 20 for step in range(19, 0, -1))
_FAR = 1 << 62


class _Lists(NamedTuple):
    """The best partners of each text, as heaps with the worst of them at the top."""

    others: Ints  # (texts, remembered)
    scores: Scores
    filled: Ints
    forgot: Mask


class _Doubt(NamedTuple):
    """The pair from which on a text's pairs are not decided on: its score, its texts."""

    score: Scores
    i: Ints
    j: Ints


def limit_partners(
    texts: Ints, max_partners: int, threshold: float, search: Search, admit: Admit, *, remembered: int = 0
) -> Pairs:
    """The pairs of one group that a sequential pass over all of them keeps, however many there are.

    The search is made at high thresholds first, where pairs are few; who has m partners takes no part in the
    next.

    Args:
        texts: the group's texts by their places, growing.
        max_partners: most partners of a text.
        threshold: least similarity of a pair.
        search: gives all pairs ``(i, j, score)``, places with ``i < j``, among some texts at or above some
            threshold, in blocks, the same each time.
        admit: says of some pairs which are wanted at all; asked only where it matters.
        remembered: partners that a text remembers; 0: as many as are useful.

    Returns:
        The pairs kept, in no particular order. Memory: about 600 bytes a text, or 64 bytes for each partner
        allowed where that is more.
    """
    remembered = remembered or max(REMEMBERED, 4 * max_partners)
    count = int(texts.max(initial=0)) + 1
    partners = np.zeros(count, np.int64)
    doubt = _Doubt(np.full(count, np.inf), np.zeros(count, np.int64), np.zeros(count, np.int64))
    kept: list[Pairs] = []
    for level in (*(step for step in _STEPS if step > threshold), threshold):
        in_doubt = np.ones(count, np.bool_)
        while in_doubt.any() and len(texts):
            row = np.full(count, -1, np.int64)
            row[texts] = np.arange(len(texts))
            lists = _Lists(
                np.empty((len(texts), remembered), np.int64),
                np.empty((len(texts), remembered)),
                np.zeros(len(texts), np.int64),
                np.zeros(len(texts), np.bool_),
            )
            for i, j, score in search(texts, level):
                matters = _matters(i, j, score, row, lists, doubt)
                i, j, score = i[matters], j[matters], score[matters]
                wanted = admit(i, j)
                _remember(i[wanted], j[wanted], score[wanted], row, lists)
            i, j, score = _remembered_pairs(texts, lists)
            taken, in_doubt = _pass(i, j, score, row, lists, max_partners, partners, doubt)
            kept.append((i[taken], j[taken], score[taken]))
            # The others are through with this level: in doubt behind its last pair alone.
            through = texts[~in_doubt[texts]]
            doubt.score[through], doubt.i[through], doubt.j[through] = level, 0, _FAR
            texts = texts[partners[texts] < max_partners]
    nothing = (np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    i, j, score = (np.concatenate(arrays) for arrays in zip(nothing, *kept, strict=True))
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
def _matters(i: Ints, j: Ints, score: Scores, row: Ints, lists: _Lists, doubt: _Doubt) -> Mask:
    """Which pairs are undecided and better than the worst on the list of one of their texts.

    Those that are better than neither are forgotten, here and now.
    """
    others, scores, filled, forgot = lists
    doubt_score, doubt_i, doubt_j = doubt
    most = others.shape[1]
    matters = np.zeros(len(i), np.bool_)
    for pair in range(len(i)):
        a, b, s = i[pair], j[pair], score[pair]
        if not (
            _comes_before(doubt_score[a], doubt_i[a], doubt_j[a], s, a, b)
            or _comes_before(doubt_score[b], doubt_i[b], doubt_j[b], s, a, b)
        ):
            continue
        row_a, row_b = row[a], row[b]
        matters[pair] = (
            filled[row_a] < most
            or filled[row_b] < most
            or _is_better(a, b, s, others[row_a, 0], scores[row_a, 0])
            or _is_better(b, a, s, others[row_b, 0], scores[row_b, 0])
        )
        if not matters[pair]:
            forgot[row_a] = True
            forgot[row_b] = True
    return matters


@compiled
def _remember(i: Ints, j: Ints, score: Scores, row: Ints, lists: _Lists) -> None:
    """Put each pair on the lists of both its texts."""
    others, scores, filled, forgot = lists
    for pair in range(len(i)):
        a, b, s = i[pair], j[pair], score[pair]
        _put(a, b, s, row[a], others, scores, filled, forgot)
        _put(b, a, s, row[b], others, scores, filled, forgot)


@compiled
def _put(
    text: int,
    other: int,
    score: float,
    row: int,
    others: Ints,
    scores: Scores,
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
    """The pairs on any list, each once, in the order of the pass."""
    there = np.arange(lists.others.shape[1]) < lists.filled[:, None]
    text = np.broadcast_to(texts[:, None], there.shape)[there]
    other, score = lists.others[there], lists.scores[there]
    i, j = np.minimum(text, other), np.maximum(text, other)
    order = np.lexsort((j, i))
    i, j, score = i[order], j[order], score[order]
    first = np.ones(len(i), bool)
    first[1:] = (i[1:] != i[:-1]) | (j[1:] != j[:-1])
    i, j, score = i[first], j[first], score[first]
    order = np.lexsort((i, j - i, -score))
    return i[order], j[order], score[order]


@compiled
def _pass(
    i: Ints,
    j: Ints,
    score: Scores,
    row: Ints,
    lists: _Lists,
    max_partners: int,
    partners: Ints,
    doubt: _Doubt,
) -> tuple[Mask, Mask]:
    """The sequential pass over remembered pairs, in order, as far as they tell.

    Returns which pairs it keeps, and which texts (by their places) came to be in doubt.
    """
    others, _, _, forgot = lists
    doubt_score, doubt_i, doubt_j = doubt
    taken = np.zeros(len(i), np.bool_)
    in_doubt = np.zeros(len(partners), np.bool_)
    for pair in range(len(i)):
        a, b = i[pair], j[pair]
        if partners[a] < max_partners and partners[b] < max_partners:
            if in_doubt[a] or in_doubt[b]:
                for text in (a, b):
                    if not in_doubt[text]:
                        in_doubt[text] = True
                        doubt_score[text], doubt_i[text], doubt_j[text] = score[pair], a, b
                continue
            taken[pair] = True
            partners[a] += 1
            partners[b] += 1
        for text, other in ((a, b), (b, a)):
            is_through = forgot[row[text]] and others[row[text], 0] == other
            if is_through and partners[text] < max_partners and not in_doubt[text]:
                in_doubt[text] = True
                doubt_score[text], doubt_i[text], doubt_j[text] = score[pair], a, b
    return taken, in_doubt
