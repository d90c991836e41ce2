"""Groups of questions that mean the same: cleaned, or made from shared answers or labelled pairs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from corpus_builder.exclusion import Exclusion
from corpus_builder.rows import Group, Question, StsRow
from corpus_builder.rules import Counts, Rules, key, prepare
from corpus_builder.similarity import jaccard_pairs, normalise


def clean_groups(
    groups: Iterable[Group], rules: Rules, exclusion: Exclusion, counts: Counts
) -> Iterator[Group]:
    """Drop unusable members, members equal after normalisation, and groups with one member left.

    A group whose members all occurred together in an earlier group is dropped too.
    """
    seen: set[frozenset[str]] = set()
    for group in groups:
        counts["groups read"] += 1
        members: dict[str, str] = {}
        for text, normalised in prepare(group.members, rules, exclusion, counts):
            members.setdefault(normalised, text)
        if len(members) < 2:
            counts["groups dropped: one member left"] += 1
            continue
        content = frozenset(members)
        if content in seen:
            counts["groups dropped: seen before"] += 1
            continue
        seen.add(content)
        texts = tuple(members.values())
        counts["groups"] += 1
        counts["texts"] += len(texts)
        counts["pairs"] += len(texts) * (len(texts) - 1) // 2
        yield Group(texts[0], texts[1:], group.source, group.score)


def groups_from_shared_answers(
    questions: Iterable[Question],
    *,
    min_answer_chars: int = 4,
    max_questions: int = 20,
    min_similarity: float = 0.2,
) -> Iterator[Group]:
    """Questions that somebody answered with the very same text form a group.

    Trivial answers (是的) are shorter than ``min_answer_chars`` after normalisation; an answer to more than
    ``max_questions`` questions is an evasion (这个问题我还没学会) and joins nothing. A group falls apart
    where no chain of pairs with a Jaccard similarity of ``min_similarity`` holds it together, which keeps
    人为什么要睡觉 / 睡觉有什么用处呢 and parts 多亏你了 / 识别出来就行.
    """
    asked: dict[str, dict[str, str]] = {}
    source = ""
    for question in questions:
        source = question.source
        text = question.question.split("\n", 1)[0]
        for answer in question.answers:
            normalised = normalise(answer)
            if len(normalised) >= min_answer_chars:
                asked.setdefault(normalised, {}).setdefault(normalise(text), text)
    for members in asked.values():
        texts = tuple(members.values())
        if 2 <= len(texts) <= max_questions:
            for part in _connected(len(texts), jaccard_pairs(texts, min_similarity)):
                if len(part) > 1:
                    yield Group(texts[part[0]], tuple(texts[n] for n in part[1:]), source)


def groups_from_labels(rows: Iterable[StsRow], min_label: float, source: str) -> Iterator[Group]:
    """Labelled pairs at ``min_label`` or above, chained: a ~ b and b ~ c put a, b, c into one group."""
    number: dict[str, int] = {}
    pairs = []
    for row in rows:
        if row.label >= min_label:
            a, b = (number.setdefault(text, len(number)) for text in (row.text_a, row.text_b))
            pairs.append((a, b, row.label))
    texts = list(number)
    for part in _connected(len(texts), pairs):
        yield Group(texts[part[0]], tuple(texts[n] for n in part[1:]), source)


def _connected(size: int, pairs: Iterable[tuple[int, int, float]]) -> list[list[int]]:
    """The numbers below ``size`` in parts that the pairs hold together, each part and the list in order."""
    parent = list(range(size))

    def root(n: int) -> int:
        while parent[n] != n:
            parent[n] = parent[parent[n]]
            n = parent[n]
        return n

    for i, j, _ in pairs:
        low, high = sorted((root(i), root(j)))
        parent[high] = low
    parts: dict[int, list[int]] = {}
    for n in range(size):
        parts.setdefault(root(n), []).append(n)
    return list(parts.values())


def distinct_texts(
    sentences: Iterable[str], rules: Rules, exclusion: Exclusion, counts: Counts
) -> Iterator[str]:
    """Each sentence once, as written, in the order of first sight; benchmark texts left out."""
    seen: set[bytes] = set()
    for text, _ in prepare(sentences, rules, exclusion, counts):
        text_key = key(text)
        if text_key not in seen:
            seen.add(text_key)
            yield text
