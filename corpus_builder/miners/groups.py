"""Groups of questions that mean the same: cleaned, or made from shared answers or labelled pairs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import replace
from hashlib import blake2b

import numpy as np

from corpus_builder.exclusion import Exclusion
from corpus_builder.kernels.pairs import jaccard_pairs
from corpus_builder.kernels.seen import SeenKeys
from corpus_builder.miners.near_identical import distinct_members
from corpus_builder.rows import Group, Question, StsRow
from corpus_builder.rules import Counts, Rules, key, prepare
from corpus_builder.similarity import normalise

NEAR_IDENTICAL = 0.95
"""Default of :func:`clean_groups`."""

_BATCH_TEXTS = 1 << 14

Members = dict[str, str]
"""Members of a group as written, by what they are compared by, in order."""
Part = tuple[Group, Members]
"""A group and those of its members that are left."""

_STEPS = (
    "groups read",
    "sentences",
    *(f"sentences dropped: {reason}" for reason in ("length", "not Chinese", "in a benchmark")),
    "sentences dropped: equal after normalisation",
    "groups split: numbers or negation",
    "sentences dropped: near-identical",
    "groups split: length",
    "groups after splitting",
    "sentences dropped: alone in their group",
    "groups dropped: one member left",
    "sentences dropped: group seen before",
    "groups dropped: seen before",
)


def clean_groups(
    groups: Iterable[Group],
    rules: Rules,
    exclusion: Exclusion,
    counts: Counts,
    *,
    near_identical: float | None = NEAR_IDENTICAL,
) -> Iterator[Group]:
    """Leave in each group texts that say the same thing in different words and at similar length.

    In this order, whatever stays keeping its order:

    1. Members go that ``rules`` refuse (length, share of Chinese) or ``exclusion`` holds, and those equal to
       an earlier one after normalisation.
    2. A group falls apart into those that agree in numbers and Latin words (``rules.same_numbers``) and in
       how often they deny (``rules.same_negation``), in the order of their first members.
    3. Near-identical members go, see :func:`corpus_builder.miners.near_identical.distinct_members`.
    4. A group falls apart by length, see :func:`split_by_length`.
    5. What has one member left goes, and what has the same members, after normalisation, as a group before.

    Args:
        groups: Any number, read some thousand members ahead.
        rules: Those named above and ``max_length_ratio``; the other guards are on pairs.
        exclusion: Benchmark texts.
        counts: Filled step by step, members counted as sentences while they may still be dropped.
        near_identical: Least similarity, in (0, 1], of a member that goes; None leaves all in.

    Raises:
        InputError: A similarity outside (0, 1].
    """
    for step in _STEPS:
        counts[step] += 0
    seen = SeenKeys()
    for batch in _batches(_agreeing(groups, rules, exclusion, counts)):
        if near_identical is not None:
            batch = _without_near_identical(batch, near_identical, counts)
        parts = []
        for group, members in batch:
            pieces = split_by_length(members, rules.max_length_ratio)
            counts["groups split: length"] += len(pieces) > 1
            parts += [(group, piece) for piece in pieces]
        counts["groups after splitting"] += len(parts)
        yield from _not_seen(_not_alone(parts, counts), seen, counts)


def split_by_length(members: Members, ratio: float) -> list[Members]:
    """The members in parts of which the longest has at most ``ratio`` times the characters of the shortest.

    Members stand in line by their characters after normalisation, and the line is cut so that the most pairs
    stay together; of several such ways the one with the fewest parts, then the one whose first parts reach
    furthest. Parts come in the order of their first members.

    Example:
        >>> members = ["头疼", "我头疼怎么办呢", "头疼应该怎么办", "头疼怎么办"]
        >>> [list(part) for part in split_by_length(dict(zip(members, members)), 2.0)]
        [['头疼'], ['我头疼怎么办呢', '头疼应该怎么办', '头疼怎么办']]
    """
    count = Counter(map(len, members))
    lengths = sorted(count)
    if not lengths or lengths[-1] / lengths[0] <= ratio:
        return [members]
    # From the last length back: pairs kept from there on, parts (negative), where the first part ends.
    best = [(0, 0, 0)] * (len(lengths) + 1)
    for begin in reversed(range(len(lengths))):
        ways = []
        size = 0
        for end in range(begin, len(lengths)):
            if lengths[end] / lengths[begin] > ratio:
                break
            size += count[lengths[end]]
            pairs, parts, _ = best[end + 1]
            ways.append((pairs + size * (size - 1) // 2, parts - 1, end + 1))
        best[begin] = max(ways)
    part_of: dict[int, int] = {}
    begin = 0
    while begin < len(lengths):
        part_of |= dict.fromkeys(lengths[begin : best[begin][2]], begin)
        begin = best[begin][2]
    return _split(members, [part_of[len(text)] for text in members])


def _agreeing(groups: Iterable[Group], rules: Rules, exclusion: Exclusion, counts: Counts) -> Iterator[Part]:
    """The usable members of each group, in parts that agree."""
    for group in groups:
        counts["groups read"] += 1
        members: Members = {}
        usable = 0
        for text, normalised in prepare(group.members, rules, exclusion, counts):
            usable += 1
            members.setdefault(normalised, text)
        counts["sentences dropped: equal after normalisation"] += usable - len(members)
        pieces = _split(members, [rules.must_agree(text) for text in members])
        counts["groups split: numbers or negation"] += len(pieces) > 1
        for piece in pieces:
            yield group, piece


def _split(members: Members, labels: Iterable[Hashable]) -> list[Members]:
    """Those with the same label together; no members are one part without any."""
    parts: dict[Hashable, Members] = {}
    for (normalised, text), label in zip(members.items(), labels, strict=True):
        parts.setdefault(label, {})[normalised] = text
    return list(parts.values()) or [{}]


def _batches(parts: Iterable[Part]) -> Iterator[list[Part]]:
    batch: list[Part] = []
    texts = 0
    for part in parts:
        batch.append(part)
        texts += len(part[1])
        if texts >= _BATCH_TEXTS:
            yield batch
            batch, texts = [], 0
    if batch:
        yield batch


def _without_near_identical(batch: list[Part], threshold: float, counts: Counts) -> list[Part]:
    kept = distinct_members([members for _, members in batch], threshold)
    thinned = [(group, members) for (group, _), members in zip(batch, kept, strict=True)]
    counts["sentences dropped: near-identical"] += _texts(batch) - _texts(thinned)
    return thinned


def _not_alone(parts: list[Part], counts: Counts) -> list[Part]:
    kept = [part for part in parts if len(part[1]) > 1]
    counts["sentences dropped: alone in their group"] += _texts(parts) - _texts(kept)
    counts["groups dropped: one member left"] += len(parts) - len(kept)
    return kept


def _not_seen(parts: list[Part], seen: SeenKeys, counts: Counts) -> Iterator[Group]:
    digests = [_digest(members) for _, members in parts]
    new = seen.admit(np.array(digests, np.uint64))
    for (group, members), is_new in zip(parts, new.tolist(), strict=True):
        texts = tuple(members.values())
        if not is_new:
            counts["sentences dropped: group seen before"] += len(texts)
            counts["groups dropped: seen before"] += 1
            continue
        counts["groups"] += 1
        counts["texts"] += len(texts)
        counts["pairs"] += len(texts) * (len(texts) - 1) // 2
        yield replace(group, text=texts[0], synonyms=texts[1:])


def _digest(members: Members) -> int:
    """64 bits for the members, whatever their order."""
    together = "\n".join(sorted(members)).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(together, digest_size=8).digest(), "little")


def _texts(parts: Iterable[Part]) -> int:
    return sum(len(members) for _, members in parts)


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
