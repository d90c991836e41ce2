"""What every miner should give, by nothing but loops, sets and whole numbers.

Nothing of corpus_builder is imported: the normal form, the three similarities, the guards, the sifting and
the bookkeeping of a run are written once more from docs/corpus.md. Sentences are given as they are, so no
cutting is needed. Function characters, denials and numbers are known for the characters of ``ALPHABET``
alone.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

ALPHABET = "天冷热气好的你不没同一三第2３aＡb，"
"""Content 天冷热气好同, function 的你一, denials 不没 (but 不同, A不A), numerals 一三第2３, Latin, a mark."""

FUNCTION = set("的你一吗")
NUMERALS = "一三"

Counts = Counter[str]


@dataclass(frozen=True)
class Limits:
    """The rules of a run, ratios and shares as fractions."""

    min_chars: int
    max_chars: int
    min_chinese: Fraction
    max_length_ratio: Fraction
    allow_containment: bool
    same_numbers: bool
    same_negation: bool
    max_substituted: int | None
    substituted_share: Fraction
    max_partners: int


def normal(text: str) -> str:
    """NFKC, lower case, letters and numbers only."""
    folded = unicodedata.normalize("NFKC", text).lower()
    return "".join(character for character in folded if unicodedata.category(character)[0] in "LN")


def similarity(a: str, b: str, variant: str) -> Fraction:
    """Of two normal forms; 0 where both are empty."""
    if variant == "multiset":
        characters = set(a) | set(b)
        shared = sum(min(a.count(c), b.count(c)) for c in characters)
        union = sum(max(a.count(c), b.count(c)) for c in characters)
    else:
        shared, union = len(set(a) & set(b)), len(set(a) | set(b))
        if variant == "bigram":
            pairs_a, pairs_b = ({t[k : k + 2] for k in range(len(t) - 1)} for t in (a, b))
            shared, union = shared + len(pairs_a & pairs_b), union + len(pairs_a | pairs_b)
    return Fraction(shared, union) if union else Fraction(0)


def denials(text: str) -> int:
    """不 and 没 that are not in 不同 or between two equal characters."""
    count = at = 0
    while at < len(text):
        if text[at + 1 : at + 2] in ("不", "没") and text[at] == text[at + 2 : at + 3]:
            at += 3
        elif text.startswith("不同", at):
            at += 2
        else:
            count += text[at] in "不没"
            at += 1
    return count


def numbers(text: str) -> list[str]:
    """Digits in a row; 第 with what it counts; numerals in a row, 一 by itself being none. Sorted."""
    found = []
    at = 0
    while at < len(text):
        end = at
        if text[at] in "0123456789":
            while end < len(text) and text[end] in "0123456789":
                end += 1
        elif text[at] == "第" and text[at + 1 : at + 2] and text[at + 1] in NUMERALS:
            end += 1
            while end < len(text) and text[end] in NUMERALS:
                end += 1
        else:
            while end < len(text) and text[end] == "三":
                end += 1
        if end > at:
            found.append(text[at:end])
        at = max(end, at + 1)
    return sorted(found)


def latin_words(text: str) -> list[str]:
    """Latin letters in a row with the digits between and behind them. Sorted."""
    words = "".join(c if c in "ab0123456789" else " " for c in text).split()
    return sorted(word.lstrip("0123456789") for word in words if word.lstrip("0123456789"))


def refusal(a: str, b: str, limits: Limits) -> str | None:
    """The first guard that refuses a pair of normal forms, by the name it is counted under."""
    short, long = sorted((a, b), key=len)
    if a == b:
        return "equal after normalisation"
    if Fraction(len(long), len(short)) > Fraction(str(limits.max_length_ratio)):
        return "length ratio"
    if not limits.allow_containment and any(
        long[k : k + len(short)] == short for k in range(len(long) - len(short) + 1)
    ):
        return "containment"
    if limits.max_substituted is not None:
        only_a, only_b = set(a) - set(b) - FUNCTION, set(b) - set(a) - FUNCTION
        share = limits.substituted_share * min(len(set(a)), len(set(b)))
        if min(len(only_a), len(only_b)) > max(Fraction(limits.max_substituted), share):
            return "substituted words"
    if limits.same_negation and denials(a) != denials(b):
        return "negation"
    if limits.same_numbers and (numbers(a), latin_words(a)) != (numbers(b), latin_words(b)):
        return "numbers"
    return None


def fault(text: str, limits: Limits, excluded: set[str]) -> str | None:
    """Why a sentence is not compared at all."""
    form = normal(text)
    if not limits.min_chars <= len(text) <= limits.max_chars:
        return "length"
    chinese = sum("\u3400" <= character <= "\u9fff" for character in form)
    if not form or Fraction(chinese, len(form)) < Fraction(str(limits.min_chinese)):
        return "not Chinese"
    return "in a benchmark" if form in excluded else None


@dataclass(frozen=True)
class Gathered:
    """Texts compared with one another, each a list of sentences, and what their pairs say of them."""

    texts: Sequence[Sequence[str]]
    source: str
    origin: str


def frequent(groups: Iterable[Gathered], limits: Limits, excluded: set[str], most: int) -> set[str]:
    """Normal forms of usable sentences that stand in more than ``most`` texts; 0 asks for none."""
    texts: Counts = Counter()
    for group in groups:
        for text in group.texts:
            texts.update({normal(s) for s in text if fault(s, limits, excluded) is None})
    return {form for form, count in texts.items() if most and count > most}


def mined_pairs(
    groups: Sequence[Gathered],
    threshold: Fraction,
    variant: str,
    limits: Limits,
    *,
    across_texts: bool,
    max_documents: int,
    excluded: set[str],
    dense: int = 10**9,
) -> tuple[list[dict[str, Any]], Counts]:
    """The rows of a run over documents or answers, in order, and the funnel.

    A group with more than ``dense`` pairs for each sentence limits partners by itself beforehand.
    """
    counts: Counts = Counter(groups=len(groups))
    boilerplate = frequent(groups, limits, excluded, max_documents)
    if max_documents:
        counts["boilerplate sentences"] = len(boilerplate)
    rows: list[dict[str, Any]] = []
    given: set[frozenset[str]] = set()
    partners: Counts = Counter()
    for group in groups:
        sentences = _sifted(group, limits, excluded, across_texts, counts)
        pairs = _ranked(sentences, threshold, variant, limits, across_texts, counts)
        if limits.max_partners and len(pairs) > dense * len(sentences):
            chosen = _nearest_first(pairs, limits.max_partners)
            counts["pairs dropped: enough partners"] += len(pairs) - len(chosen)
            pairs = chosen
        for score, i, j in pairs:
            a, b = sentences[i][1], sentences[j][1]
            forms = normal(a), normal(b)
            if boilerplate & set(forms):
                counts["pairs dropped: boilerplate"] += 1
            elif frozenset(forms) in given:
                counts["pairs dropped: seen before"] += 1
            elif 0 < limits.max_partners <= max(partners[form] for form in forms):
                counts["pairs dropped: enough partners"] += 1
            else:
                given.add(frozenset(forms))
                partners.update(forms)
                counts["pairs"] += 1
                rounded = round(score.numerator / score.denominator, 4)
                rows.append(
                    {
                        "text_a": a,
                        "text_b": b,
                        "score": rounded,
                        "source": group.source,
                        "origin": group.origin,
                    }
                )
    return rows, counts


def _sifted(
    group: Gathered,
    limits: Limits,
    excluded: set[str],
    across_texts: bool,
    counts: Counts,
) -> list[tuple[int, str]]:
    kept: list[tuple[int, str]] = []
    for number, text in enumerate(group.texts):
        for sentence in text:
            counts["sentences"] += 1
            reason = fault(sentence, limits, excluded)
            earlier = (s for n, s in kept if n == number or not across_texts)
            if reason is None and normal(sentence) in map(normal, earlier):
                reason = "said before"
            if reason is None:
                counts["sentences compared"] += 1
                kept.append((number, sentence))
            else:
                counts[f"sentences dropped: {reason}"] += 1
    return kept


def _ranked(
    sentences: list[tuple[int, str]],
    threshold: Fraction,
    variant: str,
    limits: Limits,
    across_texts: bool,
    counts: Counts,
) -> list[tuple[Fraction, int, int]]:
    found = []
    for (i, (n, a)), (j, (m, b)) in itertools.combinations(enumerate(sentences), 2):
        score = similarity(normal(a), normal(b), variant)
        if score < threshold or (across_texts and n == m):
            continue
        counts["pairs above the threshold"] += 1
        reason = refusal(normal(a), normal(b), limits)
        if reason is None:
            found.append((score, i, j))
        else:
            counts[f"pairs dropped: {reason}"] += 1
    return sorted(found, key=lambda pair: -pair[0])  # stable: ties in reading order


def _nearest_first(
    pairs: list[tuple[Fraction, int, int]], max_partners: int
) -> list[tuple[Fraction, int, int]]:
    """What a pass in the order of similarity, then of nearness, leaves when partners are limited."""
    partners: Counter[int] = Counter()
    chosen = set()
    for pair in sorted(pairs, key=lambda pair: (-pair[0], pair[2] - pair[1], pair[1])):
        if max(partners[pair[1]], partners[pair[2]]) < max_partners:
            partners.update(pair[1:])
            chosen.add(pair)
    return [pair for pair in pairs if pair in chosen]


def linked(scores: dict[tuple[int, int], Fraction], largest: int) -> list[list[int]]:
    """Complete linkage from the best pair down; groups in the order in which the pairs name their members."""
    pairs = sorted(scores, key=lambda pair: (-scores[pair], pair))
    clusters = [{n} for n in dict.fromkeys(itertools.chain.from_iterable(pairs))]
    for i, j in pairs:
        left = next(cluster for cluster in clusters if i in cluster)
        right = next(cluster for cluster in clusters if j in cluster)
        every = all(tuple(sorted(pair)) in scores for pair in itertools.product(left, right))
        if left is not right and len(left | right) <= largest and every:
            place = min(clusters.index(left), clusters.index(right))
            clusters = [cluster for cluster in clusters if cluster not in (left, right)]
            clusters.insert(place, left | right)
    return [sorted(cluster) for cluster in clusters if len(cluster) > 1]


def usable(candidates: Iterable[str], limits: Limits, excluded: set[str], counts: Counts) -> dict[str, str]:
    """The sentences worth comparing, the first of each normal form, by that."""
    kept: dict[str, str] = {}
    for sentence in candidates:
        counts["sentences"] += 1
        reason = fault(sentence, limits, excluded)
        if reason is None:
            kept.setdefault(normal(sentence), sentence)
        else:
            counts[f"sentences dropped: {reason}"] += 1
    return kept


def mined_questions(
    sentences: Sequence[str],
    threshold: Fraction,
    variant: str,
    limits: Limits,
    *,
    max_group: int,
    excluded: set[str],
) -> tuple[list[tuple[list[str], float]], Counts]:
    """Members and lowest similarity of each group of questions, and the funnel.

    A sentence asks if it has a question mark or ends in 吗.
    """
    counts: Counts = Counter()
    asking = [s for s in sentences if "？" in s or "?" in s or s.rstrip("。！").endswith("吗")]
    texts = usable(asking, limits, excluded, counts)
    counts["questions"] = len(texts)
    scores = {}
    for (i, a), (j, b) in itertools.combinations(enumerate(texts), 2):
        if (score := similarity(a, b, variant)) >= threshold:
            counts["pairs above the threshold"] += 1
            if (reason := refusal(a, b, limits)) is None:
                scores[i, j] = score
            else:
                counts[f"pairs dropped: {reason}"] += 1
    groups = []
    for members in linked(scores, max_group):
        inside = [scores[pair] for pair in itertools.combinations(members, 2)]
        counts.update(groups=1, texts=len(members), pairs=len(inside))
        lowest = min(inside)
        groups.append(([list(texts.values())[m] for m in members], lowest.numerator / lowest.denominator))
    return groups, counts


def merged_questions(
    rows: Sequence[tuple[str, Sequence[Any], str]], alike: Fraction
) -> list[tuple[str, list[Any], str]]:
    """Questions whose first lines are ``alike`` (1: equal), at most 20, with all their different answers."""
    titles: dict[str, list[tuple[str, Sequence[Any], str]]] = {}
    for row in rows:
        titles.setdefault(normal(row[0].split("\n")[0]), []).append(row)
    clusters = []
    if alike < 1:
        scores = {
            (i, j): score
            for (i, a), (j, b) in itertools.combinations(enumerate(titles), 2)
            if (score := similarity(a, b, "set")) >= alike
        }
        clusters = linked(scores, 20)
    clusters += [[n] for n in range(len(titles)) if not any(n in cluster for cluster in clusters)]
    merged = []
    for cluster in sorted(clusters):
        same = [row for n in cluster for row in list(titles.values())[n]]
        answers: list[Any] = []
        for row in same:
            answers += [answer for answer in row[1] if answer not in answers]
        merged.append((same[0][0], list(dict.fromkeys(answers)), same[0][2]))
    return merged
