"""An encoder without a network: a sentence is the sum of its characters' directions."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from roformer_sim.search import TextEncoder


@functools.cache
def direction(character: str) -> np.ndarray:
    """A direction of 32 numbers for each character, always the same."""
    return np.random.default_rng(ord(character)).normal(size=32)


def bag_of_characters(texts: list[str]) -> np.ndarray:
    """(n, 32)."""
    return np.array([sum(map(direction, text)) for text in texts])


@pytest.fixture
def encoder() -> TextEncoder:
    """Its vectors are not of length 1: the index sees to that."""
    return TextEncoder(bag_of_characters, {"model": "characters"})


@pytest.fixture(scope="session")
def questions() -> list[str]:
    """A thousand different questions."""
    subjects = ["花呗", "借呗", "手机", "会员", "快递", "发票", "密码", "账单", "余额", "红包"]
    verbs = ["开通", "关闭", "查询", "修改", "取消", "申请", "找回", "升级", "转让", "绑定"]
    forms = ["怎么{}{}", "如何{}{}", "{}{}要多久", "可以{}{}吗", "在哪里{}{}"]
    forms += ["{}{}收费吗", "为什么不能{}{}", "谁能{}{}", "什么时候{}{}", "{}{}的步骤"]
    return [form.format(verb, subject) for subject in subjects for verb in verbs for form in forms]
