"""The packing of long texts to training length (with bert4keras's: ``parity/text_segmentation.py``)."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus_builder.segmentation import cut_to_length

MARKS = "\n。！？!?；;，, "


@pytest.mark.parametrize(
    ("text", "maxlen", "pieces"),
    [
        (" 今天下雨。 ", 32, ["今天下雨。"]),
        ("", 32, [""]),
        ("，；, ;", 32, [""]),
        ("好。很好。非常好。真的非常好。", 10, ["好。很好。非常好。", "真的非常好。"]),
        # At most 12 characters: line ends first, full stops within the long line, commas only where needed.
        (
            "早上好\n我们今天去爬山。山上风很大，大家都穿上了外套，没有人觉得冷。",
            10,
            ["早上好", "我们今天去爬山。", "山上风很大", "大家都穿上了外套", "没有人觉得冷。"],
        ),
        # The limit is 1.2 * 5 = 6: six characters are left whole, seven are not.
        ("一二三，四五", 5, ["一二三，四五"]),
        ("一二三，四五六", 5, ["一二三", "四五六"]),
        # A piece closes when itself and the next part, without its mark, exceed the limit minus 1.
        ("一。二三。四五六", 5, ["一。二三。", "四五六"]),
        ("字" * 50, 10, ["字" * 50]),
    ],
)
def test_worked_out_pieces(text: str, maxlen: int, pieces: list[str]) -> None:
    assert cut_to_length(text, maxlen) == pieces


def _slow(text: str, limit: float, marks: str = MARKS) -> list[str]:
    """The rule as a fold over the parts of a text, each with the mark that ends it."""
    text = text.strip().strip("；;，, ")
    if len(text) <= limit or not marks:
        return [text]
    parts = re.findall(f"[^{marks[0]}]*{re.escape(marks[0])}|[^{marks[0]}]+$", text)
    packs = [""]
    for part in parts:
        bare = part.removesuffix(marks[0])
        full = packs[-1] != "" and bare != "" and len(packs[-1] + bare) > limit - 1
        packs = [*packs, part] if full else [*packs[:-1], packs[-1] + part]
    return [piece for pack in packs for piece in _slow(pack, limit, marks[1:])]


@given(st.text(alphabet="天地人a" + MARKS + "\u3000\t", max_size=150), st.integers(2, 40))
def test_pieces_are_those_of_a_slow_reference(text: str, maxlen: int) -> None:
    assert cut_to_length(text, maxlen) == _slow(text, maxlen * 1.2)


@given(st.text(alphabet="天地人。，！ \n", max_size=200), st.integers(4, 40))
def test_packing_keeps_every_chinese_character_in_order(text: str, maxlen: int) -> None:
    letters = "".join(c for c in text if c in "天地人")
    assert "".join(c for piece in cut_to_length(text, maxlen) for c in piece if c in "天地人") == letters


@given(st.text(alphabet="天地人，。", max_size=200), st.integers(4, 40))
def test_a_piece_is_too_long_only_where_it_has_no_mark_inside(text: str, maxlen: int) -> None:
    for piece in cut_to_length(text, maxlen):
        if len(piece) > maxlen * 1.2:
            assert not set(piece.strip("。，")) & set("。，")
