"""Members of a group from which a paraphrase model learns nothing but to copy."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from corpus_builder.kernels.near_identical import first_of_their_kind
from corpus_builder.kernels.texts import encode_texts

_PARTICLES = str.maketrans("", "", "的地得了着么吗呢吧啊呀嘛哦哈呗嗯啦")
_GREETING = (
    r"(?:医生|大夫|老师|专家)?[您你]好|大家好|请问(?:一下)?|请教(?:一下)?|(?:我|我想|想|麻烦)问一?下|我想问"
)
_THANKS = r"(?:谢谢|多谢|感谢)(?:[您你]|大家|医生|大夫|老师|专家)?了?"
_COURTESY = re.compile(rf"^(?:{_GREETING})+|(?:{_THANKS})+$")


def bare_form(normalised: str) -> str:
    """A text without what carries courtesy or tone alone.

    Greetings and 请问, 想问一下 and such at the beginning, thanks at the end, and the particles
    的地得了着么吗呢吧啊呀嘛哦哈呗嗯啦 anywhere. A text that has nothing else is its own bare form.

    Example:
        >>> bare_form("医生您好请问睡不着了怎么办呢谢谢"), bare_form("睡不着怎么办"), bare_form("您好")
        ('睡不怎办', '睡不怎办', '您好')
    """
    return _COURTESY.sub("", normalised).translate(_PARTICLES) or normalised


def distinct_members(groups: Sequence[dict[str, str]], threshold: float) -> list[dict[str, str]]:
    """Each group without the members that are near-identical to one that stays and stands before them.

    Two normalised texts a and b are near-identical when :func:`bare_form` gives the same for both, or when

        2 * LCS(a, b) / (|a| + |b|) >= threshold

    with LCS the length of their longest common subsequence (in characters; gaps allowed, order kept) and |a|
    the characters of a. The order matters: Jaccard similarity, even with bigrams, finds
    怎么清洗抽油烟机的滤网 and 抽油烟机的滤网怎么清洗 as near as two texts that differ in a particle, and such
    pairs are what a paraphrase model should learn from.

    Args:
        groups: Each a dictionary whose keys are the normalised texts, in order.
        threshold: in (0, 1]; at 0.95 one insertion in 10 characters, or one character of 20 exchanged, is
            near-identical.

    Raises:
        InputError: a threshold outside (0, 1].

    Example:
        >>> members = ["感冒吃什么药", "请问感冒吃什么药呢", "吃什么药治感冒"]
        >>> list(distinct_members([dict(zip(members, members))], 0.95)[0])
        ['感冒吃什么药', '吃什么药治感冒']
    """
    texts = [text for group in groups for text in group]
    numbers: dict[str, int] = {}
    forms = [numbers.setdefault(bare_form(text), len(numbers)) for text in texts]
    bounds = np.cumsum([0, *map(len, groups)])
    stays = first_of_their_kind(*encode_texts(texts), bounds, forms, threshold)
    flags = iter(stays.tolist())
    return [{text: written for text, written in group.items() if next(flags)} for group in groups]
