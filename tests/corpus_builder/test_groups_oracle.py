"""The groups of mined and cleaned questions and their funnel of counts against loops over sets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from unittest import mock

import pytest
from groups_oracle import cleaned_groups
from hypothesis import given
from hypothesis import strategies as st
from miners_cases import (
    CASES,
    CODES,
    HAPPENED,
    LIMITS,
    POOLS,
    THRESHOLDS,
    agrees_where_much_happens,
    exclusion_of,
    rules_of,
    sentence,
)
from miners_oracle import Counts, Limits, mined_questions

from corpus_builder.miners.groups import clean_groups
from corpus_builder.miners.questions import mine_questions
from corpus_builder.rows import Group
from corpus_builder.similarity import VARIANTS, Variant


@CASES
@given(
    POOLS,
    st.lists(CODES, max_size=14),
    st.lists(CODES, max_size=1),
    THRESHOLDS,
    st.sampled_from(VARIANTS),
    LIMITS,
    st.integers(2, 5),
)
def compare_questions(
    pool: list[str],
    codes: list[int],
    benchmark: list[int],
    threshold: Fraction,
    variant: Variant,
    limits: Limits,
    max_group: int,
) -> None:
    marks = ["？", "?", "吗", "吗。", "吗？", "。"]
    sentences = [sentence(pool, code) + marks[code % 6] for code in codes]
    exclusion, excluded = exclusion_of([sentence(pool, code) + "吗" * (code % 2) for code in benchmark])
    counts: Counts = Counter()
    found = mine_questions(
        sentences,
        float(threshold),
        rules_of(limits),
        exclusion,
        counts,
        source="论坛",
        variant=variant,
        max_group=max_group,
    )
    expected, expected_counts = mined_questions(
        sentences, threshold, variant, limits, max_group=max_group, excluded=excluded
    )
    assert list(found) == [
        Group(members[0], tuple(members[1:]), "论坛", score) for members, score in expected
    ]
    assert counts == expected_counts
    HAPPENED.update((+counts).keys())


@CASES
@given(
    POOLS,
    st.lists(st.lists(CODES, min_size=2, max_size=8), min_size=1, max_size=4),
    st.lists(CODES, max_size=1),
    LIMITS,
    st.sampled_from(
        [None, Fraction(1, 2), Fraction(2, 3), Fraction(4, 5), Fraction(6, 7), Fraction(19, 20), Fraction(1)]
    ),
    st.sampled_from([1, 7, 1 << 14]),
)
def compare_groups(
    pool: list[str],
    codes: list[list[int]],
    benchmark: list[int],
    limits: Limits,
    near: Fraction | None,
    batch: int,
) -> None:
    before = ["", "", "请问，", "医生您好，我想问一下", "你好"]
    behind = ["", "", "吗？", "，谢谢", "呢", "感谢大家了！"]
    groups = [
        [before[code // 7 % 5] + sentence(pool, code) + behind[code // 5 % 6] for code in members]
        for members in codes
    ]
    exclusion, excluded = exclusion_of([sentence(pool, code) for code in benchmark])
    counts: Counts = Counter()
    rows = [Group(members[0], tuple(members[1:]), "源", 0.5, "general") for members in groups]
    with mock.patch("corpus_builder.miners.groups._BATCH_TEXTS", batch):
        found = list(
            clean_groups(
                rows,
                rules_of(limits),
                exclusion,
                counts,
                near_identical=None if near is None else float(near),
            )
        )
    expected, expected_counts = cleaned_groups(groups, limits, near, excluded)
    assert found == [Group(members[0], tuple(members[1:]), "源", 0.5, "general") for members in expected]
    assert counts == expected_counts
    HAPPENED.update((+counts).keys())


STEPS = {
    compare_questions: ["in a benchmark", "length ratio", "numbers", "groups"],
    compare_groups: [
        *("in a benchmark", "equal after normalisation", "numbers or negation", "near-identical", "length"),
        *("one member left", "seen before", "groups"),
    ],
}


@pytest.mark.parametrize("compare", STEPS, ids=lambda compare: compare.__name__)
def test_hundreds_of_cases(compare: Callable[[], None]) -> None:
    agrees_where_much_happens(compare, STEPS[compare])
