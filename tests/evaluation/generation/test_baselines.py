"""What the edits of words promise."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus_builder.errors import InputError
from roformer_sim.evaluation.generation import (
    copying,
    random_deletion,
    random_swap,
    read_word_list,
    synonym_replacement,
)
from roformer_sim.text.words import cut_words

TEXTS = ["怎么办理3月的贷款？", "广州和深圳哪个好", "今天天气真好，我们出门去公园。", "好", "？"]
SYNONYMS = {"办理": ("办",), "贷款": ("借贷", "借款")}
EDITS = [random_deletion, random_swap]


def is_subsequence(part: list[str], whole: list[str]) -> bool:
    rest = iter(whole)
    return all(word in rest for word in part)


def test_copying_returns_the_text_k_times() -> None:
    assert copying(3)(["你好", "好"]) == [["你好"] * 3, ["好"] * 3]


@settings(deadline=None)  # the first call reads jieba's dictionary
@given(st.sampled_from(TEXTS), st.integers(0, 100), st.floats(0.05, 1.0))
def test_deletion_leaves_words_out_and_never_all(text: str, seed: int, share: float) -> None:
    [variants] = random_deletion(10, 5, share=share, seed=seed)([text])
    for variant in variants:
        assert is_subsequence(list(variant), list(text)) and len(variant) < len(text)
        assert any(map(str.isalnum, variant))
        assert [c for c in variant if not c.isalnum()] == [c for c in text if not c.isalnum()]


@settings(deadline=None)  # the first call reads jieba's dictionary
@given(st.sampled_from(TEXTS), st.integers(0, 100), st.floats(0.05, 1.0))
def test_swap_changes_the_order_of_words_and_nothing_else(text: str, seed: int, share: float) -> None:
    [variants] = random_swap(10, 5, share=share, seed=seed)([text])
    for variant in variants:
        assert Counter(variant) == Counter(text) and variant != text
        assert variant[-1] == text[-1] or text[-1].isalnum()


def test_replacement_exchanges_listed_words_alone() -> None:
    [[*variants], none] = synonym_replacement(SYNONYMS, n=100, k=20)(["怎么办理贷款", "广州好吗"])
    # Of three words one is replaced: EDA's max(1, round(0.1 * 3)).
    assert sorted(variants) == sorted(["怎么办贷款", "怎么办理借贷", "怎么办理借款"])
    assert none == []
    [both] = synonym_replacement(SYNONYMS, n=100, k=20, share=1.0)(["怎么办理贷款"])
    assert sorted(both) == sorted(["怎么办借贷", "怎么办借款"])


@pytest.mark.parametrize("system", EDITS)
def test_variants_differ_from_the_source_and_one_another(system) -> None:
    for text, variants in zip(TEXTS, system(100, 4, seed=1)(TEXTS), strict=True):
        assert text not in variants
        assert len(set(variants)) == len(variants) <= 4
        if len(cut_words(text)) == 1:
            assert variants == []


@pytest.mark.parametrize("system", [*EDITS, lambda *a, **b: synonym_replacement(SYNONYMS, *a, **b)])
def test_a_source_has_the_same_variants_whatever_stands_beside_it(system) -> None:
    alone = [system(20, 5, seed=7)([text])[0] for text in TEXTS]
    assert alone == system(20, 5, seed=7)(TEXTS) == system(20, 5, seed=7)(TEXTS[::-1])[::-1]
    assert system(20, 5, seed=8)(TEXTS) != alone or system is not random_swap


def test_arguments_out_of_range_are_refused() -> None:
    with pytest.raises(InputError, match="not 0 and 5"):
        random_swap(0, 5)
    with pytest.raises(InputError, match="not 0"):
        random_deletion(5, 5, share=0)


def test_a_word_list_holds_for_each_word_the_others_of_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "words.tsv"
    path.write_text("# words\n怎么\t如何\n\n打开\t开启\t打开\n开启 \t启用\n", "utf-8")
    assert read_word_list(path) == {
        "怎么": ("如何",),
        "如何": ("怎么",),
        "打开": ("开启",),
        "开启": ("打开", "启用"),
        "启用": ("开启",),
    }


def test_a_wrong_word_list_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "words.tsv"
    path.write_text("怎么\t如何\n打开 开启\n", "utf-8")
    with pytest.raises(InputError, match=r"words\.tsv, line 2: expected words .* TAB"):
        read_word_list(path)
    path.write_text("# nothing\n", "utf-8")
    with pytest.raises(InputError, match="holds no words"):
        read_word_list(path)
    with pytest.raises(InputError, match="none"):
        read_word_list(tmp_path / "none.tsv")


def test_the_shipped_word_list_is_of_words_that_jieba_cuts() -> None:
    words = read_word_list()
    assert len(words) > 300
    assert all(word not in others for word, others in words.items())
    whole = sum(cut_words(word) == [word] for word in words)
    assert whole / len(words) > 0.9
