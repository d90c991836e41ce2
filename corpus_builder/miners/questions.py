"""Groups of near-identical questions found all over a source, across its documents."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from corpus_builder.clusters import complete_linkage
from corpus_builder.exclusion import Exclusion
from corpus_builder.kernels.texts import encode_texts
from corpus_builder.miners.similar import PairSearch
from corpus_builder.rows import Group
from corpus_builder.rules import Counts, Rules, prepare
from corpus_builder.similarity import Variant

# Words that take the question out of a question word: 无论什么时候, 不知道怎么说, 多少有点.
_NO_QUESTION = re.compile(
    r"无论|不管|不论|任何|什么的|没什么|不知道|多少有|知道(?:自己)?该?怎么|怎么也|什么都|谁都"
)
_MARK = re.compile(r"[？?]")
_WORD = re.compile(
    r"[吗呢么][。~！!…]*$|什么|怎么|怎样|如何|为何|为啥|咋|是否|能否|可否|是不是|能不能|要不要|会不会|有没有|哪|多少|多久|多大|谁|几[个天次岁点年月周种]"
)


def is_question(sentence: str) -> bool:
    """Whether a sentence asks: a question mark, a final 吗/呢/么, or a question word.

    Example:
        >>> is_question("感冒了怎么办"), is_question("我感冒了。"), is_question("无论什么时候都可以")
        (True, False, False)
    """
    if _MARK.search(sentence):
        return True
    return _WORD.search(sentence) is not None and not _NO_QUESTION.search(sentence)


def mine_questions(
    sentences: Iterable[str],
    threshold: float,
    rules: Rules,
    exclusion: Exclusion,
    counts: Counts,
    *,
    source: str,
    variant: Variant = "set",
    max_group: int = 8,
) -> Iterator[Group]:
    """People ask the same thing in many threads: join all questions of a source with one another.

    All pairs at or above the threshold are found exactly (:func:`question_pairs`); then groups grow from the
    most similar pair down, and two groups merge only while every member is similar to every other (complete
    linkage), so that a chain of small changes cannot join strangers.

    Args:
        sentences: all sentences of the source; those that ask nothing are passed over.
        threshold, variant: least similarity between any two members, and which; see
            :func:`corpus_builder.similarity.jaccard`.
        rules, exclusion: guards on sentences and pairs, benchmark texts.
        counts: filled in the order of the steps.
        source: written into each group.
        max_group: most members of a group.
    """
    texts: dict[str, str] = {}
    for text, normalised in prepare(filter(is_question, sentences), rules, exclusion, counts):
        texts.setdefault(normalised, text)
    counts["questions"] += len(texts)
    pairs = question_pairs(list(texts), threshold, variant, rules, counts)
    scores = {(i, j): score for i, j, score in pairs}
    written = list(texts.values())
    for members in complete_linkage(scores, max_group):
        inside = [scores[a, b] for n, a in enumerate(members) for b in members[n + 1 :]]
        counts["groups"] += 1
        counts["texts"] += len(members)
        counts["pairs"] += len(inside)
        yield Group(written[members[0]], tuple(written[m] for m in members[1:]), source, min(inside))


def question_pairs(
    normalised: Sequence[str], threshold: float, variant: Variant, rules: Rules, counts: Counts
) -> Iterator[tuple[int, int, float]]:
    """All pairs ``(i, j, score)``, ``i < j``, of texts that reach the threshold and pass the guards.

    Args:
        normalised: any number of texts.
        threshold, variant: see :func:`corpus_builder.similarity.jaccard`.
        rules: guards on pairs, partners aside.
        counts: pairs above the threshold, and those that each guard dropped.
    """
    codes, offsets = encode_texts(normalised)
    places = np.arange(len(normalised))
    search = PairSearch(codes, offsets, np.zeros_like(places), None, threshold, variant, rules)
    for i, j, score in search.pairs(places, counts):
        yield from zip(i.tolist(), j.tolist(), score.tolist(), strict=True)
