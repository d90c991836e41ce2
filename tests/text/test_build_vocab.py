"""Building a vocabulary from text."""

from __future__ import annotations

import random
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus_builder.errors import InputError
from roformer_sim.text import SPECIAL_TOKENS, Tokenizer, build_vocabulary

TEXTS = [
    "广州和深圳哪个好？",
    "广州好！",
    "我用iPhone和Python",
    "python 2024 很好",
    "Python，广州",
    "привет 世界",
] * 2
ASCII_PART = 5 + 32 + 2 * 36


def test_order_is_specials_ascii_characters_by_count_words():
    vocabulary = build_vocabulary(TEXTS, max_size=400, min_count=1)
    assert vocabulary[:5] == list(SPECIAL_TOKENS)
    assert vocabulary[ASCII_PART : ASCII_PART + 4] == ["好", "州", "广", "和"]
    assert vocabulary[-3:] == ["python", "iphone", "2024"]
    assert len(set(vocabulary)) == len(vocabulary)


def test_latin_words_and_numbers_are_never_unknown():
    tokenizer = Tokenizer(build_vocabulary(["广州"], max_size=150))
    text = string.printable + " Wi-Fi6 B2B 3.1415"
    assert tokenizer.unk_id not in tokenizer.encode(text).token_ids


def test_every_character_counted_can_be_written(tmp_path):
    vocabulary = build_vocabulary(TEXTS, max_size=400, min_count=1)
    tokenizer = Tokenizer(vocabulary)
    assert all(tokenizer.unk_id not in tokenizer.encode(text).token_ids for text in TEXTS)
    tokenizer.save(tmp_path / "vocab.txt")
    assert Tokenizer.from_file(tmp_path / "vocab.txt").vocab == vocabulary


@given(seed=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_the_order_of_the_texts_does_not_matter(seed):
    shuffled = random.Random(seed).sample(TEXTS, len(TEXTS))
    assert build_vocabulary(shuffled, max_size=130, min_count=1) == build_vocabulary(
        TEXTS, max_size=130, min_count=1
    )


def test_a_full_vocabulary_keeps_the_frequent_and_a_place_for_words():
    vocabulary = build_vocabulary(TEXTS, max_size=ASCII_PART + 4, min_count=1, latin_words=1)
    assert vocabulary[ASCII_PART:] == ["好", "州", "广", "python"]
    assert build_vocabulary(TEXTS, max_size=ASCII_PART + 2, latin_words=0)[ASCII_PART:] == ["好", "州"]


def test_rare_characters_are_left_out():
    vocabulary = build_vocabulary(["广广州"], max_size=200, min_count=2)
    assert "广" in vocabulary
    assert "州" not in vocabulary


def test_case_is_kept_when_asked_for():
    vocabulary = build_vocabulary(["Ab Ab"], max_size=300, do_lower_case=False)
    assert {"A", "##A", "Ab"} <= set(vocabulary)
    assert "ab" not in vocabulary


def test_controls_spaces_and_surrogates_are_no_tokens():
    vocabulary = build_vocabulary(["广\x00\u200b\u3000\u2028\ud800\ufffd"] * 3, max_size=200)
    assert vocabulary[ASCII_PART:] == ["广"]


def test_too_little_room_is_refused():
    with pytest.raises(InputError, match="max_size is 100"):
        build_vocabulary(TEXTS, max_size=100)
