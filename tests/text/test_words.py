"""Word vocabularies: jieba's words first, characters for what is not in the vocabulary."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus_builder.errors import InputError
from roformer_sim.text import SPECIAL_TOKENS, Tokenizer
from roformer_sim.text.words import _rjieba, cut_words

TOKENS = [
    *SPECIAL_TOKENS,
    "广州",
    "科学技术",
    "第一",
    "生产力",
    *"广州和深圳是科学技术，。",
    "ip",
    "##hone",
    "ᄀ",
    "ᅡ",
]


@pytest.fixture(scope="module")
def words():
    return Tokenizer(TOKENS, words=True)


def test_a_word_of_the_vocabulary_is_one_token(words):
    assert words.tokenize("科学技术是第一生产力。")[1:-1] == ["科学技术", "是", "第一", "生产力", "。"]


def test_other_words_are_tokenized_by_character(words):
    assert words.tokenize("广州和深圳，iPhone")[1:-1] == ["广州", "和", "深", "圳", "，", "ip", "##hone"]


def test_hangul_is_cut_into_its_letters(words):
    assert words.encode("가").token_ids.tolist() == [2, TOKENS.index("ᄀ"), TOKENS.index("ᅡ"), 3]
    assert words.encode("가").offsets.tolist() == [[0, 0], [0, 1], [0, 1], [0, 0]]


def test_offsets_cover_whole_words(words):
    text = "科学技术 是Ïphoné第一"
    assert [text[a:b] for a, b in words.encode(text).offsets[1:-1]] == [
        "科学技术",
        "是",
        "Ïp",
        "honé",
        "第一",
    ]


def test_pairs_and_truncation(words):
    encoding = words.encode("科学技术是", "广州和", maxlen=6)
    assert [TOKENS[i] for i in encoding.token_ids] == ["[CLS]", "科学技术", "[SEP]", "广州", "和", "[SEP]"]
    assert encoding.truncated


def test_batches_and_odd_texts(words):
    texts = ["", " ", "\ud800", "广州\x00", "第一，广州"]
    batch = [encoding.token_ids.tolist() for encoding in words.encode_batch(texts)]
    assert batch == [words.encode(text).token_ids.tolist() for text in texts]
    assert batch[:3] == [[2, 3]] * 3
    assert words.encode_batch([]) == []


@pytest.mark.parametrize("segmenter", ["jieba", "rjieba"])
@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
@settings(max_examples=100, deadline=None)
def test_words_make_up_the_text_again(segmenter, text):
    assert "".join(cut_words(text, segmenter)) == text


def test_lone_surrogates_are_words_of_one_character():
    assert cut_words("广州\ud800和") == ["广州", "\ud800", "和"]
    assert cut_words("广州\ud800和", "rjieba") == ["广州", "\ufffd", "和"]


@pytest.mark.parametrize(
    "text",
    ["我爱北京天安门，科学技术是第一生产力。", "用 iPhone15 Pro 拍照？", "杭研大厦在哪", "2024年5月1日"],
)
def test_both_segmenters_cut_alike(text):
    assert cut_words(text, "rjieba") == cut_words(text, "jieba")


def test_a_segmenter_that_is_not_installed_is_named_with_its_remedy(monkeypatch):
    _rjieba.cache_clear()
    monkeypatch.setitem(sys.modules, "rjieba", None)
    with pytest.raises(InputError, match=r"not installed: pip install 'roformer-sim\[rjieba\]'"):
        cut_words("广州", "rjieba")


def test_an_unknown_segmenter_is_refused():
    with pytest.raises(InputError, match="segmenter is 'pkuseg'; give 'jieba' or 'rjieba'"):
        cut_words("广州", "pkuseg")
