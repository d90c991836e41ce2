"""Character Jaccard: worked examples, and the fast kernels against Python sets."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus_builder.join import jaccard_join, similar_pairs
from corpus_builder.similarity import jaccard, jaccard_pairs, normalise

# Few characters, so that random texts are similar often; Latin, digits, marks and an astral one among them.
TEXTS = st.lists(st.text(alphabet="天气好不冷热吗明今Ａa1 ，。？😀𠮷", max_size=12), max_size=25)
THRESHOLDS = st.sampled_from([0.1, 0.25, 1 / 3, 0.5, 0.6, 2 / 3, 0.75, 0.8, 0.9, 1.0])


def oracle(texts: list[str], threshold: float) -> list[tuple[int, int, float]]:
    """All pairs by nothing but sets."""
    sets = [set(normalise(text)) for text in texts]
    pairs = []
    for i, a in enumerate(sets):
        for j in range(i + 1, len(sets)):
            union = a | sets[j]
            score = len(a & sets[j]) / len(union) if union else 0.0
            if union and score >= threshold:
                pairs.append((i, j, score))
    return pairs


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
    assert jaccard("天天好", "天好好", multiset=True) == pytest.approx(0.5)
    assert jaccard("天天好", "天好好") == 1.0
    assert jaccard("", "", multiset=True) == 0.0


@settings(max_examples=300, deadline=None)
@given(TEXTS, THRESHOLDS)
def test_matrix_kernel_equals_sets(texts: list[str], threshold: float) -> None:
    assert jaccard_pairs(texts, threshold) == oracle(texts, threshold)


@settings(max_examples=300, deadline=None)
@given(TEXTS, THRESHOLDS)
def test_prefix_filter_join_equals_sets(texts: list[str], threshold: float) -> None:
    assert sorted(jaccard_join(texts, threshold)) == oracle(texts, threshold)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.text(
            alphabet="的一是了我不人在他有这个上们来到时大地为子中你说生国年着就那和要她出也得里后自以会",
            min_size=20,
            max_size=40,
        ),
        max_size=40,
    ),
    THRESHOLDS,
)
def test_both_kernels_agree_on_long_texts(texts: list[str], threshold: float) -> None:
    assert sorted(jaccard_join(texts, threshold)) == jaccard_pairs(texts, threshold)


def test_kernel_is_exact_across_blocks() -> None:
    # 1,200 texts are more than one block of rows; every text has one twin, in the other block.
    texts = [chr(0x4E00 + 3 * i) + chr(0x4E01 + 3 * i) + chr(0x4E02 + 3 * i) for i in range(600)]
    pairs = jaccard_pairs(texts + texts, 0.9)
    assert pairs == [(i, i + 600, 1.0) for i in range(600)]
    assert sorted(jaccard_join(texts + texts, 0.9)) == pairs


def test_large_groups_take_the_index_and_give_the_same_pairs() -> None:
    texts = [chr(0x4E00 + i) + chr(0x4E00 + i + 1) + "的好" for i in range(2500)]
    assert list(similar_pairs(texts, 0.6)) == jaccard_pairs(texts, 0.6, normalised=True)


@pytest.mark.parametrize("threshold", [0.0, -0.1, 1.1])
def test_a_threshold_outside_its_range_is_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold"):
        jaccard_pairs(["你好", "您好"], threshold)
    with pytest.raises(ValueError, match="threshold"):
        list(jaccard_join(["你好", "您好"], threshold))
