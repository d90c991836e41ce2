"""Sentence ends in Chinese, and the packing of long texts to training length."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus_builder.segmentation import clean_text, cut_to_length, split_sentences

CASES = [
    ("今天下雨。我们不出门！好吗？", ["今天下雨。", "我们不出门！", "好吗？"]),
    ("他说：“走吧！”我们就走了。", ["他说：“走吧！”", "我们就走了。"]),
    ("（本报讯。）记者到场。", ["（本报讯。）", "记者到场。"]),
    ("真的吗？！太好了！！！", ["真的吗？！", "太好了！！！"]),
    ("我想想……算了吧", ["我想想……", "算了吧"]),
    ("第一行\n第二行\r\n\n第三行", ["第一行", "第二行", "第三行"]),
    ("圆周率约是3.14，不是3.15。", ["圆周率约是3.14，不是3.15。"]),
    ("提出了新模型.利用该模型做实验.", ["提出了新模型.", "利用该模型做实验."]),
    ("用 v2.0 版本.", ["用 v2.0 版本."]),
    ("见 https://example.org/a?b=1;c=2 的说明。完了", ["见 https://example.org/a?b=1;c=2 的说明。", "完了"]),
    ("网址是www.example.org/?q=1。请看", ["网址是www.example.org/?q=1。", "请看"]),
    ("价格不贵；质量也好;值得买", ["价格不贵；", "质量也好;", "值得买"]),
    ('他喊："快跑！"大家都跑了。', ['他喊："快跑！"', "大家都跑了。"]),
    ('雨停了。"走吧，"她说。', ["雨停了。", '"走吧，"她说。']),
    ("  前后有空白。  \t", ["前后有空白。"]),
    ("", []),
    (" \n\u3000", []),
    ("。。。", ["。。。"]),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_sentences_end_where_a_reader_would_end_them(text: str, expected: list[str]) -> None:
    assert split_sentences(text) == expected


@given(st.text(alphabet='天地人a1. 。！？…；”）"\n：/?htps', max_size=80))
def test_no_character_but_space_is_lost_or_added(text: str) -> None:
    assert "".join("".join(split_sentences(text)).split()) == "".join(text.split())


def test_a_long_text_without_marks_takes_linear_time() -> None:
    assert split_sentences("字" * 1_000_000) == ["字" * 1_000_000]


def test_control_characters_and_nul_become_one_space() -> None:
    assert clean_text(" 你\x00\t\n好\u200b ") == "你 好"


def test_short_texts_are_not_cut() -> None:
    assert cut_to_length(" 今天下雨。 ", 32) == ["今天下雨。"]
    assert cut_to_length("", 32) == [""]


def test_long_texts_are_cut_at_the_coarsest_mark_that_fits() -> None:
    # 1.2 * 10 = 12 characters: the line end first, full stops within the long line, commas only where needed.
    text = "早上好\n我们今天去爬山。山上风很大，大家都穿上了外套，没有人觉得冷。"
    assert cut_to_length(text, 10) == [
        "早上好",
        "我们今天去爬山。",
        "山上风很大",
        "大家都穿上了外套",
        "没有人觉得冷。",
    ]


def test_neighbouring_sentences_share_a_piece_while_they_fit() -> None:
    assert cut_to_length("好。很好。非常好。真的非常好。", 10) == ["好。很好。非常好。", "真的非常好。"]


def test_a_stretch_without_marks_stays_whole() -> None:
    assert cut_to_length("字" * 50, 10) == ["字" * 50]


@given(st.text(alphabet="天地人。，！ \n", max_size=200), st.integers(4, 40))
def test_packing_keeps_every_chinese_character_in_order(text: str, maxlen: int) -> None:
    letters = "".join(c for c in text if c in "天地人")
    assert "".join(c for piece in cut_to_length(text, maxlen) for c in piece if c in "天地人") == letters
