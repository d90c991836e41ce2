"""Kept numbers and negation."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roformer_sim.evaluation.generation.kept import denials, kept_negation, kept_numbers, numbers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("借3000元分12期", ["3000", "12"]),
        ("三千元", ["3000"]),
        ("３．５０元", ["3.5"]),
        ("3.5万和三万五", ["35000", "35000"]),
        ("一百零五，一百五，十五", ["105", "150", "15"]),
        ("一亿两千万", ["120000000"]),
        ("三千万亿", ["3000000000000000"]),
        ("二〇二四年", ["2024"]),
        ("007", ["7"]),
        ("第一和第十一", ["1", "11"]),
        ("一个人想一下", []),
        ("万一不行，十分贵，千万不要买", []),
        ("十分钟，二十分", ["10", "20"]),
        ("一万一千，两千万", ["11000", "20000000"]),
        ("两个", ["2"]),
    ],
)
def test_digits_and_chinese_numerals_are_one_number(text: str, expected: list[str]) -> None:
    assert numbers(text) == expected


def written_out(number: int) -> str:
    """1 to 99,999 in Chinese numerals, place by place."""
    result, pending_zero = "", False
    for unit, size in (("万", 10**4), ("千", 1000), ("百", 100), ("十", 10), ("", 1)):
        digit = number // size % 10
        if digit:
            result += ("零" if pending_zero and result else "") + "零一二三四五六七八九"[digit] + unit
        pending_zero = not digit
    return result


@given(st.integers(2, 99_999))
def test_a_written_out_number_is_the_number(number: int) -> None:
    assert numbers(f"有{written_out(number)}元") == numbers(f"有{number}元") == [str(number)]


def test_a_variant_keeps_numbers_when_it_holds_each_as_often() -> None:
    source = "3天借3000元"
    assert kept_numbers(source, ["三天借三千元", "借3000元要3天还是5天"]) == 1.0
    assert kept_numbers(source, ["借3000元", "3天借300元", "3天借3000元", "借钱"]) == 0.25
    assert math.isnan(kept_numbers("借钱", ["借3元"]))
    assert math.isnan(kept_numbers(source, []))


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("花呗不能用", 1),
        ("能不能用，有没有用", 0),
        ("特别贵，不过好", 0),
        ("不能不去", 2),
        ("没去", 1),
        ("非常好", 0),
    ],
)
def test_denials_leave_out_words_that_deny_nothing(text: str, count: int) -> None:
    assert denials(text) == count


def test_a_variant_keeps_negation_when_both_deny_or_neither_does() -> None:
    assert kept_negation("花呗不能用", ["花呗用不了", "花呗没法用"]) == 1.0
    assert kept_negation("花呗不能用", ["花呗能用", "花呗能不能用", "花呗不是不能用", "别用花呗"]) == 0.25
    assert kept_negation("花呗能用吗", ["花呗能不能用", "花呗不能用"]) == 0.5
    assert math.isnan(kept_negation("好", []))
