"""Tokenizer against the stated rules in plain Python, on random Unicode text."""

from __future__ import annotations

import unicodedata

import pytest
import wordpiece_oracle as oracle
from hypothesis import example, given, settings
from hypothesis import strategies as st

from roformer_sim.text import Tokenizer

# NFD moves the marks that are not accents and yet combine, so where such a mark stood cannot be told.
MOVING = [
    chr(c) for c in range(0x20000) if unicodedata.combining(chr(c)) and unicodedata.category(chr(c)) != "Mn"
]
SPECIALTIES = st.sampled_from(
    "\x00\t\n\r\x1c\x85\xa0\xad\u200b\u2028\u3000\ufffd\ufeff"
    " ΣσςΑİßéÅ豈Ω℃≠；＋，。「」！～ＡＺアｱﾞ가각한①㈱™👍🏽❤\ufe0f"
    "\u0301\u0327\u0345\u064b\u093c\u3099中国广州龙㐀𠀀𪜀𫝀𬺡丽〇々々a1Zzpython15+-#'’…—\ud800\udfff\U0010ffff"
)
TEXTS = st.text(st.one_of(SPECIALTIES, st.sampled_from("pyton15广州和。 "), st.characters()), max_size=40)


@pytest.fixture(scope="module")
def ids_of(tokens):
    return {token: row for row, token in enumerate(tokens)}


@given(text=TEXTS)
@example(text="a" * 200 + " " + "a" * 201)
@example(text="ΑΣ.Α ΑΣ. Σ")
@example(text="\u1680中\u0301a\ud800\udc00b")
@settings(max_examples=400, deadline=None)
def test_ids_follow_the_stated_rules(tokenizer, ids_of, text):
    assert tokenizer.encode(text).token_ids.tolist() == oracle.ids(text, ids_of)


@given(texts=st.lists(TEXTS, max_size=8))
@settings(max_examples=100, deadline=None)
def test_a_batch_is_its_texts_one_by_one(tokenizer, ids_of, texts):
    batch = tokenizer.encode_batch(texts)
    assert [encoding.token_ids.tolist() for encoding in batch] == [oracle.ids(text, ids_of) for text in texts]


@given(first=TEXTS, second=TEXTS, maxlen=st.integers(3, 60))
@settings(max_examples=200, deadline=None)
def test_pairs_lose_tokens_one_by_one_from_the_longer_side(tokenizer, ids_of, first, second, maxlen):
    a, b = oracle.ids(first, ids_of)[1:-1], oracle.ids(second, ids_of)[1:-1]
    kept_a, kept_b = oracle.cut_longest_first(a, b, maxlen)
    encoding = tokenizer.encode(first, second, maxlen=maxlen)
    cls, sep = tokenizer.cls_id, tokenizer.sep_id
    assert encoding.token_ids.tolist() == [cls, *kept_a, sep, *kept_b, sep]
    assert encoding.segment_ids.tolist() == [0] * (len(kept_a) + 2) + [1] * (len(kept_b) + 1)
    assert encoding.truncated == (len(kept_a) + len(kept_b) < len(a) + len(b))


@given(text=TEXTS)
@settings(max_examples=300, deadline=None)
def test_the_text_at_an_offset_reads_as_its_token(tokenizer, text):
    text = "".join(c for c in text if c not in MOVING)
    encoding = tokenizer.encode(text)
    previous = 0
    for token_id, (start, end) in zip(encoding.token_ids[1:-1], encoding.offsets[1:-1].tolist(), strict=True):
        token = tokenizer.vocab[token_id].removeprefix("##")
        assert previous <= start < end <= len(text)
        previous = start  # of a Hangul syllable several tokens have the same place
        if token != "[UNK]":
            # A capital sigma's small form depends on what surrounds it.
            there = "".join(oracle.words(oracle.read(text[start:end]))).replace("ς", "σ")
            assert token.replace("ς", "σ") in there


@given(text=TEXTS, lower=st.booleans())
@settings(max_examples=100, deadline=None)
def test_the_library_pipeline_alone_gives_the_same_ids(tokens, text, lower):
    tokenizer = _tokenizer(tuple(tokens), lower)
    text = "".join(c for c in text if c != "Σ" and not "\ud800" <= c <= "\udfff")
    assert tokenizer.backend.encode(text).ids == tokenizer.encode(text).token_ids[1:-1].tolist()


_TOKENIZERS: dict[bool, Tokenizer] = {}


def _tokenizer(tokens: tuple[str, ...], lower: bool) -> Tokenizer:
    if lower not in _TOKENIZERS:
        _TOKENIZERS[lower] = Tokenizer(tokens, do_lower_case=lower)
    return _TOKENIZERS[lower]
