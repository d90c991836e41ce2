"""Character Jaccard: worked examples of each variant, and the search for pairs against two loops."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from similarity_oracle import THRESHOLDS, normal_form, token_set

from corpus_builder.errors import InputError
from corpus_builder.kernels.pairs import jaccard_pairs
from corpus_builder.similarity import VARIANTS, Variant, jaccard, normalise, tokens

# Few characters, so that random texts are similar often; Latin, digits, marks and an astral one among them.
TEXT = st.text(alphabet="天气好不冷热吗明今Ａa1 ，。？😀𠮷", max_size=12)
VARIANT = st.sampled_from(VARIANTS)


def test_normalise_drops_width_case_punctuation_and_space() -> None:
    assert normalise("ＡＰＰ 打不开，怎么办？！_") == "app打不开怎么办"
    assert normalise("①号 — 😀") == "1号"
    assert normalise("……！") == ""


def test_jaccard_is_shared_over_all_characters() -> None:
    # {北,京,好,吗} and {北,京,怎,么,样} share two of seven.
    assert jaccard("北京好吗？", "北京怎么样") == pytest.approx(2 / 7)
    assert jaccard("你好", "你 好。") == 1.0
    assert jaccard("你好", "再见") == 0.0
    assert jaccard("", "你好") == jaccard("", "。") == 0.0


def test_multiset_jaccard_counts_repeats() -> None:
    # 天:2/1, 好:1/2 -> min sum 2, max sum 4; as sets the two are equal.
    assert jaccard("天天好", "天好好", variant="multiset") == pytest.approx(0.5)
    assert jaccard("天天好", "天好好") == 1.0
    assert jaccard("", "", variant="multiset") == 0.0


def test_bigram_jaccard_counts_order() -> None:
    # 我,爱,你 are shared; 我爱, 爱你 against 你爱, 爱我 are not: 3 of 7. As sets the two are equal.
    assert jaccard("我爱你", "你爱我", variant="bigram") == pytest.approx(3 / 7)
    assert jaccard("我爱你", "你爱我") == jaccard("我爱你", "你爱我", variant="multiset") == 1.0
    # One character has no neighbour: 我 of 我, 爱, 我爱.
    assert jaccard("我", "我爱", variant="bigram") == pytest.approx(1 / 3)
    assert jaccard("", "。", variant="bigram") == 0.0


@settings(max_examples=300, deadline=None)
@given(TEXT, TEXT, VARIANT)
def test_jaccard_is_symmetric_and_one_for_equal_texts(a: str, b: str, variant: Variant) -> None:
    assert 0 <= jaccard(a, b, variant=variant) == jaccard(b, a, variant=variant) <= 1
    assert jaccard(a, a, variant=variant) == (1.0 if normalise(a) else 0.0)


@settings(max_examples=300, deadline=None)
@given(TEXT, VARIANT)
def test_tokens_are_as_many_as_the_formulas_say(text: str, variant: Variant) -> None:
    assert len(tokens(text, variant)) == len(token_set(normal_form(text), variant))


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXT, max_size=25), st.sampled_from(THRESHOLDS), VARIANT)
def test_all_pairs_are_those_of_two_loops(texts: list[str], threshold: float, variant: Variant) -> None:
    expected = [
        (i, j, score)
        for i, a in enumerate(texts)
        for j, b in enumerate(texts)
        if i < j and (score := jaccard(a, b, variant=variant)) >= threshold
    ]
    assert jaccard_pairs(texts, threshold, variant=variant) == expected
    normal = [normalise(text) for text in texts]
    assert jaccard_pairs(normal, threshold, variant=variant, normalised=True) == expected


def test_normalised_texts_are_taken_as_they_are() -> None:
    assert jaccard_pairs(["你好！", "你好"], 1.0) == [(0, 1, 1.0)]
    assert jaccard_pairs(["你好！", "你好"], 1.0, normalised=True) == []


@pytest.mark.parametrize("threshold", [0.0, -0.1, 1.1, float("nan")])
def test_a_threshold_outside_its_range_is_refused(threshold: float) -> None:
    with pytest.raises(InputError, match="threshold"):
        jaccard_pairs(["你好", "您好"], threshold)


def test_an_unknown_variant_is_refused() -> None:
    with pytest.raises(InputError, match="set, multiset, bigram, not 'cosine'"):
        jaccard("你好", "您好", variant="cosine")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="not 'cosine'"):
        jaccard_pairs(["你好", "您好"], 0.5, variant="cosine")  # type: ignore[arg-type]
