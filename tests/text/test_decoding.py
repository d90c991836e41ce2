"""Decoding: where spaces stand in mixed Chinese and Latin text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus_builder.errors import InputError
from roformer_sim.text import Tokenizer


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("广州和深圳哪个好？", "广州和深圳哪个好？"),
        ("我用iPhone 15 Pro Max。", "我用iphone 15 pro max。"),
        ("C++/Python3.11 很好用", "c++/python3.11很好用"),
        ("don't in", "don't in"),
        ("don't", "don' t"),  # the apostrophe closes up only where a word follows
        ("don't 用", "don' t用"),
        ("3.14", "3.14"),
        ("1.2.3", "1.2. 3"),  # a digit closes up once
        ("15.11.15", "15.11.15"),
        ("《北京》和“天安门”", "《北京》和“天安门”"),
        ("有 iPhone，很好!是吗?", "有iphone，很好! 是吗?"),
        ("pro, max", "pro, max"),
        ("(pro) [max] {a}=<b>", "(pro) [max] {a} =<b>"),
        ("15% - 11", "15% -11"),
        ("python in 广州", "python in广州"),
        ("", ""),
    ],
)
def test_spacing(tokenizer, text, expected):
    assert tokenizer.decode(tokenizer.encode(text).token_ids) == expected


def test_special_tokens_are_left_out(tokenizer):
    vocab = tokenizer.vocab
    ids = [vocab.index(t) for t in ["[CLS]", "广", "[MASK]", "[UNK]", "州", "[unused1]", "[SEP]", "[PAD]"]]
    assert tokenizer.decode(ids) == "广州"
    assert tokenizer.decode([]) == ""
    assert tokenizer.decode([vocab.index("["), vocab.index("a"), vocab.index("]")]) == "[a]"


def test_a_continuing_piece_may_come_first(tokenizer):
    assert tokenizer.decode([tokenizer.vocab.index("##ing"), tokenizer.vocab.index("广")]) == "ing广"


@pytest.mark.parametrize("wrong", [-1, 10_000])
def test_an_id_outside_the_vocabulary_is_refused(tokenizer, wrong):
    with pytest.raises(InputError, match=f"id {wrong}"):
        tokenizer.decode([1, wrong])


@given(text=st.text("广州和深圳哪个好科学技术是，。？！《》“”、：；（）", max_size=30))
@settings(deadline=None)
def test_chinese_text_comes_back_as_it_was(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text).token_ids) == text


def test_an_empty_token_decodes_to_nothing():
    tokenizer = Tokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "", "##", "广"])
    assert tokenizer.decode([6, 5, 7, 5, 7]) == "广广"
