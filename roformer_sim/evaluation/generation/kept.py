"""What a variant must not lose: the numbers of its source, and whether it denies."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from corpus_builder.rules import Rules
from corpus_builder.similarity import normalise

NAN = float("nan")
_DIGITS = dict(zip("〇零一二三四五六七八九两", (0, 0, *range(1, 10), 2), strict=True))
_UNITS = {"十": 10, "百": 100, "千": 1000}
_BIG_UNITS = {"万": 10**4, "亿": 10**8}
_SIZES = {**_UNITS, **_BIG_UNITS}
_NUMERALS = "".join((*_DIGITS, *_UNITS, *_BIG_UNITS))
# 一 alone is mostly an article (一个, 一下) and no number unless 第 stands before it.
_NUMBER = re.compile(rf"\d+(?:\.\d+)?[十百千万亿]*|(?<=第)一|(?!一(?![{_NUMERALS}]))[{_NUMERALS}]+")
# Words made of numerals that count nothing.
_NO_NUMBERS = re.compile(
    rf"(?<![{_NUMERALS}])(?:万一(?![{_NUMERALS}])|十分(?!钟)|千万(?=不|别|要)|一一(?![{_NUMERALS}]))"
)
_DENIALS = Rules(same_negation=True)


def numbers(text: str) -> list[str]:
    """The numbers of a text in order, digits and Chinese numerals as one: ``三百五十元`` has ``350``.

    Full-width digits are digits. ``一`` alone is none unless behind 第; numerals that are no written-out
    number are digits in a row (``二〇二四``: ``2024``), and a last digit counts tenths of the unit before it
    (``三百五``: ``350``).

    Example:
        >>> numbers("第一次借3.5万，分十二期")
        ['1', '35000', '12']
        >>> numbers("一个人十分开心")
        []
    """
    plain = _NO_NUMBERS.sub(" ", unicodedata.normalize("NFKC", text))
    return [_value(match) for match in _NUMBER.findall(plain)]


def kept_numbers(source: str, variants: Sequence[str]) -> float:
    """Share of the variants that hold every number of the source, as often as it does, 0 to 1.

    Further numbers do no harm.

    Returns:
        NaN where the source has no number, or there is no variant.

    Example:
        >>> kept_numbers("借3000元要还几期", ["借三千元还几期", "借钱还几期"])
        0.5
    """
    wanted = Counter(numbers(source))
    if not wanted or not variants:
        return NAN
    return float(np.mean([wanted <= Counter(numbers(variant)) for variant in variants]))


def denials(text: str) -> int:
    """How often a text denies (不没无未非勿别莫); 是不是, 有没有, 特别, 不过 and the like deny nothing.

    The rule of the corpus builder's guard (:data:`corpus_builder.rules.NO_DENIALS` lists the words).

    Example:
        >>> denials("不能不去"), denials("能不能去")
        (2, 0)
    """
    [count] = _DENIALS.must_agree(normalise(text))[-1:]
    return int(str(count))


def kept_negation(source: str, variants: Sequence[str]) -> float:
    """Share of the variants that deny when the source does, and only then, 0 to 1; two denials are none.

    ``denials(variant)`` and ``denials(source)`` are both odd or both even. Of words it knows the characters
    above alone: 拒绝, 难以 are no denials to it.

    Returns:
        NaN where there is no variant.

    Example:
        >>> kept_negation("花呗不能用", ["花呗用不了", "花呗能用", "不是不能用花呗"])
        0.3333333333333333
    """
    if not variants:
        return NAN
    odd = denials(source) % 2
    return float(np.mean([denials(variant) % 2 == odd for variant in variants]))


def _value(number: str) -> str:
    """One spelling of a number: ``3.5万``, ``三万五`` and ``35000`` are one."""
    if number[0].isdecimal():
        digits = number.rstrip("".join((*_UNITS, *_BIG_UNITS)))
        value = Decimal(digits) * math.prod(_SIZES[unit] for unit in number[len(digits) :])
        return f"{value:f}".rstrip("0").rstrip(".") if "." in f"{value:f}" else f"{value:f}"
    if all(numeral in _DIGITS for numeral in number):
        return str(int("".join(str(_DIGITS[numeral]) for numeral in number)))
    return str(_written_out(number))


def _written_out(number: str) -> int:
    total = section = digit = 0
    for place, numeral in enumerate(number):
        if numeral in _DIGITS:
            digit = _DIGITS[numeral]
            before = number[place - 1] if place else ""
            if place == len(number) - 1 and before in _SIZES:
                digit *= _SIZES[before] // 10
        elif numeral in _UNITS:
            section += (digit or 1) * _UNITS[numeral]
            digit = 0
        else:
            size = _BIG_UNITS[numeral]
            # 一亿两千万 adds to what is larger already, 三千万亿 multiplies it.
            if total >= size:
                total += (section + digit or 1) * size
            else:
                total = (total + section + digit or 1) * size
            section = digit = 0
    return total + section + digit
