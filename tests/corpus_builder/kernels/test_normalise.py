"""Normal forms of spans: equal to the definition for every code point and any text."""

from __future__ import annotations

import random
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from similarity_oracle import normal_form

from corpus_builder import similarity
from corpus_builder.errors import InputError
from corpus_builder.kernels.normalise import normalise_spans
from corpus_builder.kernels.texts import decode_texts, encode_texts
from corpus_builder.similarity import normalise

# Where neighbours matter or one code point becomes many: marks, conjoining Hangul, sigmas, ligatures, digits
# in circles, width, kana with separate voicing marks, Turkish dotted capital I.
TRICKY = (
    "e\u0301a\u0323\u0308ㄱ가\u1100\u1161\u11a8ΣσςΑ㍿ﷺﬁ①ＡａÅＫがか\u3099ﾊﾟİI\u0307\U0001d7d8𠮷😀\ud800_ 。"
)
ANY_TEXT = st.text(st.characters(codec=None), max_size=20) | st.text(alphabet=TRICKY, max_size=20)


def normal_forms(texts: list[str], *, simplified: bool = False) -> list[str]:
    codes, offsets = encode_texts(texts)
    return decode_texts(*normalise_spans(codes, offsets[:-1], offsets[1:], simplified=simplified))


def test_every_code_point_alone() -> None:
    points = [chr(code) for code in range(sys.maxunicode + 1)]
    wrong = [
        (hex(ord(point)), form, normalise(point))
        for point, form in zip(points, normal_forms(points), strict=True)
        if form != normalise(point)
    ]
    assert wrong == []


def test_every_code_point_between_letters_that_may_join_it() -> None:
    # Two letters that take many marks, a Hangul syllable without a final, a kana; behind it a capital sigma.
    points = [
        f"e{chr(code)}가{chr(code)}かA{chr(code)}Σ"
        for code in range(0x30000)
        if code % 7 == 3 or code < 0x3400
    ]
    assert normal_forms(points) == [normalise(point) for point in points]


@settings(max_examples=1000, deadline=None)
@given(st.lists(ANY_TEXT, max_size=8))
def test_any_texts(texts: list[str]) -> None:
    assert normal_forms(texts) == [normalise(text) for text in texts] == [normal_form(text) for text in texts]


@settings(max_examples=200, deadline=None)
@given(ANY_TEXT, st.data())
def test_spans_may_overlap_and_come_in_any_order(text: str, data: st.DataObject) -> None:
    places = st.integers(0, len(text))
    spans = [sorted(span) for span in data.draw(st.lists(st.tuples(places, places), max_size=6))]
    codes, _ = encode_texts([text])
    starts, ends = np.array([s for s, _ in spans], np.int64), np.array([e for _, e in spans], np.int64)
    assert decode_texts(*normalise_spans(codes, starts, ends)) == [normalise(text[s:e]) for s, e in spans]


def test_ordinary_chinese() -> None:
    assert normal_forms(["ＡＰＰ 打不开，怎么办？！_", "……", "①号 — 😀"]) == ["app打不开怎么办", "", "1号"]
    assert normal_forms([]) == []


def test_traditional_becomes_simplified_as_one_text_at_a_time() -> None:
    pytest.importorskip("opencc", reason="traditional to simplified needs the opencc extra")
    rng = random.Random(2)
    # 乾 stays in 乾隆 and becomes 干 in 餅乾: what OpenCC looks at must not cross from one text to the next.
    words = ["乾", "隆", "餅乾", "乾隆", "甚麼", "頭髮", "發展", "皇后", "以後", "１２", "，", "A", ""]
    texts = ["".join(rng.choices(words, k=rng.randrange(6))) for _ in range(500)]
    assert normal_forms(texts, simplified=True) == [normalise(text, simplified=True) for text in texts]
    assert normal_forms(["這個軟體怎麼用？", "乾隆吃餅乾", ""], simplified=True) == [
        "这个软体怎么用",
        "乾隆吃饼干",
        "",
    ]
    assert normal_forms([], simplified=True) == []


def test_without_opencc_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    similarity._converter.cache_clear()
    monkeypatch.setitem(sys.modules, "opencc", None)
    with pytest.raises(InputError, match=r"pip install 'roformer-sim\[opencc\]'"):
        normalise("臺灣", simplified=True)
