"""What each character means to the segmentation: tables, built once.

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

# Classes of characters. HAN to LAUGH are letters and digits; HAN is all that is written without spaces.
OTHER, HAN, LATIN, DIGIT, LAUGH, SPACE, LINE_END, STOP, ASK, NARROW_ASK, SEMICOLON, ELLIPSIS, DOT = range(13)
TILDE, FACE, JOINER, COMMA = range(13, 17)
# What opens, what may do both, what closes.
OPEN_BRACKET, OPEN_TITLE, OPEN_QUOTE, STRAIGHT_QUOTE, CLOSE_QUOTE, CLOSE_BRACKET, CLOSE_TITLE = range(17, 24)

# Flags of characters that decide.
SAYS, GOES_ON, PARTICLE, PRONOUN, HESITATES, SUMS_UP, NUMERAL, LABEL_END = (1 << bit for bit in range(8))
AFTER_LAUGH, BEFORE_LAUGH, CLOSES_CLAUSE, NOBODY, UNIT, NAME, UNFINISHED, BEFORE_BE = (
    1 << bit for bit in range(8, 16)
)

_PLANE = 0x10000

_MARKS = {
    STOP: "。｡",
    ASK: "！？‼⁇⁈⁉",
    NARROW_ASK: "!?",
    SEMICOLON: "；;",
    ELLIPSIS: "…⋯",
    DOT: ".．",
    TILDE: "~～〜",
    OPEN_QUOTE: "“‘「『",
    CLOSE_QUOTE: "”’」』",
    STRAIGHT_QUOTE: "\"'＂＇",
    OPEN_BRACKET: "（([［{｛〔",
    CLOSE_BRACKET: "）)]］}｝〕",
    OPEN_TITLE: "《〈【〖",
    CLOSE_TITLE: "》〉】〗",
    COMMA: "，、：,:",
    LAUGH: "哈呵嘿嘻hH",
    LINE_END: "\n\r\v\f\x85\u2028\u2029",
}
_SPACE = re.compile(r"[\s\u0000-\u001f\u007f-\u009f\u200b\u2060\ufeff]")
# Pictures that show a mood; ticks, arrows, stars and boxes introduce what follows and are left out.
_FACES = "☀☁☂☃☔☕☘☠☮☯☹☺♡♥⚡⚽✈✌✊✋✨❄❌❗❓❣❤❥⭐⭕"
_JOINERS = "\ufe0e\ufe0f\u200d\u20e3"

_WORDS = {
    # 他说。她问道，
    SAYS: "说道问答喊叫嚷骂吼曰",
    # “为什么？”是他的口头禅
    GOES_ON: "是和与及或成之",
    # 好吧  在的呀~
    PARTICLE: "等吧呢啊呀吗嘛么啦哦噢喔哟哇了咯喽嘞呐哒滴哩诶嗯的得",
    PRONOUN: "我你您他她它咱",
    # 那个……我想问一下
    HESITATES: "个我你您他她是呃额嗯",
    # 苹果、香蕉……都很好吃
    SUMS_UP: "都等这那全皆各应样什也的之们",
    NUMERAL: "〇零一二三四五六七八九十百千万两0123456789０１２３４５６７８９",
    # 第一条　为了……
    LABEL_END: "条章节回卷编款项部篇集期讲课步题幕",
    # 哈哈大笑
    AFTER_LAUGH: "大一地笑的镜声儿",
    # 乐呵呵
    BEFORE_LAUGH: "乐笑傻呆打啊喝",
    # 今天好累啊 明天还要上班
    CLOSES_CLAUSE: "吧呢啊呀吗嘛啦哦噢哟哇咯喽嘞呐哒",
    # “有人吗？”没有人回答。 “我们赢了。”据记者报道，
    NOBODY: "没无据",
    # 3月～5月
    UNIT: "年月日号时点分周天岁元楼层级",
    # 可它就是……让人难受
    UNFINISHED: "把被让从向与和而且或跟将个",
    BEFORE_BE: "就可但只而还",
    # 约翰.史密斯: what foreign names are written with
    NAME: (
        "阿埃艾安奥巴班邦保鲍贝比彼宾波伯勃博布查达戴丹道德登迪蒂丁顿恩尔法菲费芬夫弗福盖冈戈格根哈海汉翰赫亨华霍基吉加贾杰金卡凯坎"
        "康科克肯库昆拉莱兰朗劳勒雷里理丽利莉连林琳刘龙娄卢鲁伦罗洛马玛迈麦曼梅门蒙米密莫默姆穆纳娜南内尼妮纽诺帕潘佩彭皮普奇齐"
        "乔切琼丘让热日瑞若撒萨塞森沙莎珊舍史什斯松苏索塔泰坦汤唐特提廷图托瓦威韦维温沃乌武西希夏谢辛休修亚扬耶叶茵英尤约"
        "泽扎詹珍芝治朱兹佐"
    ),
}
_SAYS = (
    "表示 告诉 解释 补充 强调 透露 指出 呼吁 反驳 吩咐 叮嘱 感叹 叹道 嘟囔 嘟哝 咕哝 念叨 "
    "嘀咕 自语 喃喃 回应 心想 暗想 想道 想着 他想 她想 我想 写道 笑道 应道 坦言 直言 介绍 "
    "回忆 坦承 承认 感慨 总结 笑言 呵斥 怒斥 安慰 提醒 宣布 命令 抱怨 哀求 恳求 纠正 自嘲 "
    "调侃 打趣 催促 附和 保证 他称 她称 警告 赞叹 惊呼 高呼 低语 耳语 开口 插嘴 插话 接话 "
    "搭腔"
)
_SAYS_NOT = (
    "知道 难道 味道 街道 频道 轨道 管道 隧道 通道 渠道 道理 道路 道德 道具 问题 学问 疑问 "
    "顾问 访问 说明 说法 小说 传说 听说 据说 答案 叫做 名叫 想了 说服 说不 会说 问号 叫好 "
    "说话 没说 不说 有说 没答 不答 有答 没问 有问"
)
_ABBREVIATIONS = (
    "mr mrs ms dr prof st jr sr vs etc inc ltd co corp no fig figs eq al ca approx dept vol pp ed eds op cf "
    "jan feb mar apr jun jul aug sep sept oct nov dec ph gen gov capt tel ext ps"
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
def character_tables() -> Tables:
    """The tables, the same objects at each call."""
    words = np.zeros(_PLANE, np.uint16)
    for flag, characters in _WORDS.items():
        words[_codes(characters)] |= flag
    return Tables(_classes(), words, _pairs(_SAYS), _pairs(_SAYS_NOT), _packed(_ABBREVIATIONS))


def _classes() -> npt.NDArray[np.uint8]:
    classes = np.full(_PLANE, OTHER, np.uint8)
    for code in range(_PLANE):
        character = chr(code)
        category = unicodedata.category(character)
        if _SPACE.match(character):
            classes[code] = SPACE
        elif category in ("Nd", "No"):
            classes[code] = DIGIT
        elif category[0] in "LM":
            classes[code] = LATIN if category in ("Lu", "Ll", "Lt") else HAN
    classes[_codes(_FACES)] = FACE
    classes[_codes(_JOINERS)] = JOINER
    for kind, characters in _MARKS.items():
        classes[_codes(characters)] = kind
    return classes


def _codes(characters: str) -> list[int]:
    return [ord(character) for character in characters]


def _pairs(words: str) -> npt.NDArray[np.int64]:
    return np.array([(ord(word[0]) << 16) | ord(word[1]) for word in words.split()], np.int64)


def _packed(words: str) -> npt.NDArray[np.int64]:
    """Words of up to eight lower-case letters, five bits a letter."""
    packed = []
    for word in words.split():
        value = 0
        for letter in word:
            value = value * 32 + ord(letter) - 96
        packed.append(value)
    return np.array(packed, np.int64)
