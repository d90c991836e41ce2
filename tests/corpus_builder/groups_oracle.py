"""What cleaning groups should leave, by trying everything: the part of the oracle that is about groups."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

from miners_oracle import Counts, Limits, denials, fault, latin_words, numbers, usable

PARTICLES = "的地得了着么吗呢吧啊呀嘛哦哈呗嗯啦"
GREETINGS = [
    *("您好", "你好", "大家好", "请问", "请问一下", "请教", "请教一下", "我想问"),
    *(who + hello for who in ("医生", "大夫", "老师", "专家") for hello in ("您好", "你好")),
    *(who + ask for who in ("我", "我想", "想", "麻烦") for ask in ("问下", "问一下")),
]
THANKS = [
    thanks + whom + done
    for thanks in ("谢谢", "多谢", "感谢")
    for whom in ("", "您", "你", "大家", "医生", "大夫", "老师", "专家")
    for done in ("", "了")
]


def bare(form: str) -> str:
    """Without greetings before, thanks behind and particles anywhere; the text itself if nothing is left."""
    rest = form
    while greetings := [greeting for greeting in GREETINGS if rest.startswith(greeting)]:
        rest = rest[max(map(len, greetings)) :]
    ends = [len(rest)]
    for start in reversed(range(len(rest))):
        if any(rest[start:end] in THANKS for end in ends):
            ends.append(start)
    return "".join(c for c in rest[: min(ends)] if c not in PARTICLES) or form


def longest_common_subsequence(a: str, b: str) -> int:
    """By the textbook table, row by row."""
    row = [0] * (len(b) + 1)
    for x in a:
        above, row = row, [0]
        for place, y in enumerate(b):
            row.append(above[place] + 1 if x == y else max(above[place + 1], row[place]))
    return row[-1]


def cut_by_length(members: list[str], ratio: Fraction) -> list[list[str]]:
    """All ways to cut the line of lengths are tried: most pairs, fewest parts, first parts reach furthest."""
    lengths = sorted({len(member) for member in members})
    ways = []
    for cuts in itertools.product([False, True], repeat=max(0, len(lengths) - 1)):
        parts = [[length] for length in lengths[:1]]
        for length, cut in zip(lengths[1:], cuts, strict=True):
            if cut:
                parts.append([length])
            else:
                parts[-1].append(length)
        if all(Fraction(part[-1], part[0]) <= Fraction(str(ratio)) for part in parts):
            sizes = [sum(len(member) in part for member in members) for part in parts]
            pairs = sum(size * (size - 1) // 2 for size in sizes)
            ways.append((pairs, -len(parts), [part[-1] for part in parts], parts))
    best = max(ways)[3]
    found = [[member for member in members if len(member) in part] for part in best]
    return sorted((part for part in found if part), key=lambda part: members.index(part[0]))


def cleaned_groups(
    groups: Iterable[Sequence[str]], limits: Limits, near: Fraction | None, excluded: set[str]
) -> tuple[list[list[str]], Counts]:
    """The groups that are left, in order, each as its members as written, and the funnel."""
    counts: Counts = Counter()
    cleaned: list[list[str]] = []
    seen: list[set[str]] = []
    for group in groups:
        counts["groups read"] += 1
        texts = usable(group, limits, excluded, counts)
        refused = sum(fault(text, limits, excluded) is not None for text in group)
        counts["sentences dropped: equal after normalisation"] += len(group) - refused - len(texts)
        parts: dict[Any, list[str]] = {}
        for form in texts:
            says = (numbers(form), latin_words(form)) if limits.same_numbers else ()
            parts.setdefault(str((says, denials(form) if limits.same_negation else ())), []).append(form)
        counts["groups split: numbers or negation"] += len(parts) > 1
        for part in parts.values() or [[]]:
            kept: list[str] = []
            for form in part:
                if near is None or not any(near_identical(form, other, near) for other in kept):
                    kept.append(form)
            counts["sentences dropped: near-identical"] += len(part) - len(kept)
            pieces = cut_by_length(kept, limits.max_length_ratio) or [[]]
            counts["groups split: length"] += len(pieces) > 1
            counts["groups after splitting"] += len(pieces)
            for piece in pieces:
                if len(piece) < 2:
                    counts["groups dropped: one member left"] += 1
                    counts["sentences dropped: alone in their group"] += len(piece)
                elif set(piece) in seen:
                    counts["groups dropped: seen before"] += 1
                    counts["sentences dropped: group seen before"] += len(piece)
                else:
                    seen.append(set(piece))
                    cleaned.append([texts[form] for form in piece])
                    pairs = len(piece) * (len(piece) - 1) // 2
                    counts.update(groups=1, texts=len(piece), pairs=pairs)
    return cleaned, counts


def near_identical(a: str, b: str, least: Fraction) -> bool:
    """Whether two normal forms say the same in nearly the same characters in the same order."""
    shared = Fraction(2 * longest_common_subsequence(a, b), len(a) + len(b))
    return bare(a) == bare(b) or shared >= least
