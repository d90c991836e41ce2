"""Cases for the miners and their oracle, made so that much happens in them.

Sentences are a few characters with one of them changed, put in or left out, so that pairs lie at the
threshold, repeat, contain one another and differ in a number or a 不; thresholds and ratios are fractions
that the similarities of short texts hit exactly. ``ROFORMER_SIM_CASES=1000`` makes so many of each kind.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from fractions import Fraction

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from miners_oracle import ALPHABET, Counts, Limits, normal

from corpus_builder.exclusion import Exclusion
from corpus_builder.rules import Rules

COUNT = int(os.environ.get("ROFORMER_SIM_CASES", "300"))
CASES = settings(
    max_examples=COUNT,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
OTHER_FORMS = str.maketrans("aAb2３ＡＢ", "ＡａＢ２3aB")
ENDS = ("。", "\n", "。\n", "！", "？\n\n")

THRESHOLDS = st.sampled_from(
    [Fraction(*pair) for pair in ((1, 4), (1, 3), (2, 5), (1, 2), (3, 5), (2, 3), (3, 4), (4, 5), (1, 1))]
)
LIMITS = st.builds(
    Limits,
    min_chars=st.sampled_from([1, 2, 5]),
    max_chars=st.sampled_from([64, 8, 6]),
    min_chinese=st.sampled_from([Fraction(0), Fraction(0), Fraction(1, 2), Fraction(2, 3), Fraction(1)]),
    max_length_ratio=st.sampled_from([Fraction(99), Fraction(2), Fraction(5, 4), Fraction(1)]),
    allow_containment=st.booleans(),
    same_numbers=st.booleans(),
    same_negation=st.booleans(),
    max_substituted=st.sampled_from([None, 0, 0, 1, 2]),
    substituted_share=st.sampled_from([Fraction(0), Fraction(1, 4), Fraction(1, 2)]),
    max_partners=st.integers(0, 3),
)
FREE = Limits(1, 64, Fraction(0), Fraction(99), True, False, False, None, Fraction(0), 3)
"""Rules that let everything through but equal texts."""

HAPPENED: Counts = Counter()
"""In how many cases each step of the funnel had something to count."""
POOLS = st.lists(st.text(alphabet=ALPHABET, min_size=4, max_size=7), min_size=1, max_size=3)
CODES = st.integers(0, 8 * 8 * len(ALPHABET) * 30 - 1)
"""A number stands for a sentence: which of a pool, with which change, and how it ends."""


def sentence(pool: list[str], code: int) -> str:
    """A sentence of the pool, as it is or with one change; without its end mark."""
    code, change = divmod(code, 8)
    code, place = divmod(code, 8)
    code, letter = divmod(code, len(ALPHABET))
    text, new = pool[code % len(pool)], ALPHABET[letter]
    if change == 1:
        text = text[:place] + new + text[place:]
    elif change == 2:
        text = text[:place] + new + text[place + 1 :]
    elif change == 3:
        text = text[:place] + text[place + 1 :]
    elif change == 4:
        text = text[place:] + text[:place]
    elif change == 5:
        text = text.translate(OTHER_FORMS)
    elif change == 6:
        text = text.replace(new, "") + new
    elif change == 7:
        text = text[:place] + "天冷热气好"[letter % 5] + text[place + 1 :]
    return text.strip("，") or "天"


def text(pool: list[str], codes: list[int]) -> tuple[str, list[str]]:
    """A text and its sentences."""
    parts = [(sentence(pool, code), ENDS[code % len(ENDS)]) for code in codes]
    return "".join(map("".join, parts)), [begin + end.rstrip("\n") for begin, end in parts]


def exclusion_of(texts: list[str]) -> tuple[Exclusion, set[str]]:
    """Benchmark texts, written in another way than in the pool, and their normal forms."""
    return Exclusion(f" {text.upper()}？" for text in texts), set(map(normal, texts)) - {""}


def rules_of(limits: Limits) -> Rules:
    return Rules(
        min_chars=limits.min_chars,
        max_chars=limits.max_chars,
        min_chinese=float(limits.min_chinese),
        max_length_ratio=float(limits.max_length_ratio),
        allow_containment=limits.allow_containment,
        same_numbers=limits.same_numbers,
        same_negation=limits.same_negation,
        max_substituted=limits.max_substituted,
        substituted_share=float(limits.substituted_share),
        max_partners=limits.max_partners,
    )


def agrees_where_much_happens(compare: Callable[[], None], steps: list[str]) -> None:
    """Compare until every step had something to do in ten cases: agreement means nothing without."""
    HAPPENED.clear()
    for _ in range(5):
        compare()
        reached: Counts = Counter()
        for name, cases in HAPPENED.items():
            reached[name.split(": ")[-1]] += cases
        rare = {step: reached[step] for step in steps if reached[step] < 10}
        if not rare:
            break
    assert rare == {}
