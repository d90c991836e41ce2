"""New variants and distinct-n."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus_builder.errors import InputError
from roformer_sim.evaluation.generation.variety import distinct_n, new_variants

VARIANTS = st.lists(st.text("花呗开通吗？ａA", max_size=6), max_size=6)


def test_a_variant_is_new_when_neither_the_source_nor_an_earlier_one_again() -> None:
    source = "怎么开通花呗？"
    assert new_variants(source, ["怎么开通花呗", "怎么开通花呗呢！", "？"]) == 0
    assert new_variants(source, ["花呗如何开通", "花呗如何开通啊？", "怎么开花呗"]) == 2
    assert new_variants(source, []) == 0


@given(VARIANTS)
def test_more_variants_never_make_fewer_new_ones(variants: list[str]) -> None:
    counts = [new_variants("花呗", variants[:i]) for i in range(len(variants) + 1)]
    assert counts == sorted(counts)
    assert counts[-1] <= len(variants)


def test_distinct_n_worked_by_hand() -> None:
    # 你 好 你 早: three of four; 你好, 你早: two of two.
    assert distinct_n(["你好", "你早"], 1) == 3 / 4
    assert distinct_n(["你好", "你早"], 2) == 1.0
    # 哈哈 twice in one text, once in another: one of three.
    assert distinct_n(["哈哈哈", "哈 哈"], 2) == 1 / 3
    assert math.isnan(distinct_n(["好"], 2)) and math.isnan(distinct_n([], 1))
    with pytest.raises(InputError, match="not 0"):
        distinct_n(["好"], 0)


@given(st.text("花呗开", min_size=1, max_size=6), st.integers(2, 5))
def test_copies_have_the_distinct_n_of_one_divided_by_their_number(text: str, copies: int) -> None:
    assert distinct_n([text] * copies, 1) == pytest.approx(distinct_n([text], 1) / copies)
