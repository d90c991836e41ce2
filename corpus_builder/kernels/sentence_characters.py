"""What each character means to :mod:`corpus_builder.kernels.sentences`: tables, built once.

Every table is handed to the compiled functions as an argument, so that machine code kept on disk never holds
an old one.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from corpus_builder.kernels import sentences as kernel

_PLANE = 0x10000

_MARKS = {
    kernel.STOP: "。｡",
    kernel.ASK: "！？‼⁇⁈⁉",
    kernel.NARROW_ASK: "!?",
    kernel.SEMICOLON: "；;",
    kernel.ELLIPSIS: "…⋯",
    kernel.DOT: ".．",
    kernel.TILDE: "~～〜",
    kernel.OPEN_QUOTE: "“‘「『",
    kernel.CLOSE_QUOTE: "”’」』",
    kernel.STRAIGHT_QUOTE: "\"'＂＇",
    kernel.OPEN_BRACKET: "（([［",
    kernel.CLOSE_BRACKET: "）)]］",
    kernel.OPEN_TITLE: "《〈【〖",
    kernel.CLOSE_TITLE: "》〉】〗",
    kernel.COMMA: "，、：,:",
    kernel.LAUGH: "哈呵嘿嘻hH",
    kernel.LINE_END: "\n\r\v\f\x85\u2028\u2029",
}
_SPACE = re.compile(r"[\s\u0000-\u001f\u007f-\u009f\u200b\u2060\ufeff]")
# Pictures that show a mood; ticks, arrows, stars and boxes introduce what follows and are left out.
_FACES = "☀☁☂☃☔☕☘☠☮☯☹☺♡♥⚡⚽✈✌✊✋✨❄❌❗❓❣❤❥⭐⭕"
_JOINERS = "\ufe0e\ufe0f\u200d\u20e3"

_WORDS = {
    # 他说。她问道，
    kernel.SAYS: "说道问答喊叫嚷骂吼",
    # “为什么？”是他的口头禅
    kernel.GOES_ON: "是和与及或等成之地",
    # 好吧  在的呀~
    kernel.PARTICLE: "吧呢啊呀吗嘛么啦哦噢喔哟哇了咯喽嘞呐哒滴哩诶嗯的得",
    kernel.PRONOUN: "我你您他她它咱",
    # 那个……我想问一下
    kernel.HESITATES: "个我你您他她是呃额嗯",
    # 苹果、香蕉……都很好吃
    kernel.SUMS_UP: "都等这那全皆各应样什也的之们",
    kernel.NUMERAL: "〇零一二三四五六七八九十百千万两0123456789０１２３４５６７８９",
    # 第一条　为了……
    kernel.LABEL_END: "条章节回卷编款项部篇集期讲课步题幕",
    # 哈哈大笑
    kernel.AFTER_LAUGH: "大一地笑的镜声儿",
    # 乐呵呵
    kernel.BEFORE_LAUGH: "乐笑傻呆打啊喝",
    # 今天好累啊 明天还要上班
    kernel.CLOSES_CLAUSE: "吧呢啊呀吗嘛啦哦噢哟哇了咯喽嘞呐哒",
}
_SAYS = (
    "表示 告诉 解释 补充 强调 透露 指出 呼吁 反驳 吩咐 叮嘱 感叹 叹道 嘟囔 嘟哝 咕哝 念叨 嘀咕 自语 喃喃 回应 心想 暗想 "
    "想道 想着 他想 她想 我想 写道 笑道 应道 坦言 直言"
)
_SAYS_NOT = (
    "知道 难道 味道 街道 频道 轨道 管道 隧道 通道 渠道 道理 道路 道德 道具 问题 学问 疑问 顾问 访问 说明 说法 小说 传说 "
    "听说 据说 答案 叫做 名叫 想了 说服 说不 会说 问号 叫好"
)
_ABBREVIATIONS = (
    "mr mrs ms dr prof st jr sr vs etc inc ltd co corp no fig figs eq al ca approx dept vol pp ed eds op cf "
    "jan feb mar apr jun jul aug sep sept oct nov dec ph gen gov capt tel ext"
)


class Tables(NamedTuple):
    """``classes``: a class for each character of the first plane; ``words``: flags of function characters;
    ``says``, ``says_not``: pairs of characters that are, or are not, a verb of speech; ``abbreviations``:
    words after which a full stop ends nothing."""

    classes: npt.NDArray[np.uint8]
    words: npt.NDArray[np.uint16]
    says: npt.NDArray[np.int64]
    says_not: npt.NDArray[np.int64]
    abbreviations: npt.NDArray[np.int64]


@lru_cache(maxsize=1)
def tables() -> Tables:
    """The tables, the same objects at each call."""
    words = np.zeros(_PLANE, np.uint16)
    for flag, characters in _WORDS.items():
        words[_codes(characters)] |= flag
    return Tables(_classes(), words, _pairs(_SAYS), _pairs(_SAYS_NOT), _packed(_ABBREVIATIONS))


def _classes() -> npt.NDArray[np.uint8]:
    classes = np.full(_PLANE, kernel.OTHER, np.uint8)
    for code in range(_PLANE):
        character = chr(code)
        category = unicodedata.category(character)
        if _SPACE.match(character):
            classes[code] = kernel.SPACE
        elif category in ("Nd", "No"):
            classes[code] = kernel.DIGIT
        elif category[0] in "LM":
            classes[code] = kernel.LATIN if category in ("Lu", "Ll", "Lt") else kernel.HAN
    classes[_codes(_FACES)] = kernel.FACE
    classes[_codes(_JOINERS)] = kernel.JOINER
    for kind, characters in _MARKS.items():
        classes[_codes(characters)] = kind
    return classes


def _codes(characters: str) -> list[int]:
    return [ord(character) for character in characters]


def _pairs(words: str) -> npt.NDArray[np.int64]:
    return np.array([(ord(first) << 16) | ord(second) for first, second in words.split()], np.int64)


def _packed(words: str) -> npt.NDArray[np.int64]:
    """Words of up to eight lower-case letters, five bits a letter."""
    packed = []
    for word in words.split():
        value = 0
        for letter in word:
            value = value * 32 + ord(letter) - 96
        packed.append(value)
    return np.array(packed, np.int64)
