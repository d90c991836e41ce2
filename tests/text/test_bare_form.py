"""``bare_form``: when two sentences are one variant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roformer_sim.text.bare_form import NO_PARTICLES, PARTICLES, bare_form

TEXTS = st.text(st.sampled_from(f"{PARTICLES}什怎为除酒目好花呗ＡaB１2.。，？! \t　_"), max_size=12)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("怎么开通花呗？", "怎么开通花呗"),
        ("怎么开通花呗？", "怎么 开通花呗呢？！"),
        ("ＡＰＰ打不开，怎么办", "app打不开了。怎么办啊"),
        ("下雨了吗", "下雨"),
        ("那是我的", "那是我"),
        ("请问，广州好吗？", "请问广州好"),
    ],
)
def test_marks_case_width_spaces_and_closing_particles_make_no_variant(text: str, same: str) -> None:
    assert bare_form(text) == bare_form(same)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("广州好吗", "深圳好吗"),
        ("3.5元", "35元"),
        ("吃了饭", "吃饭"),  # 了 inside a clause
        ("这是什么", "这是什"),
        ("开通花呗", "不开通花呗"),
        ("我和你", "你和我"),
    ],
)
def test_other_characters_and_other_orders_do(text: str, other: str) -> None:
    assert bare_form(text) != bare_form(other)


def test_words_that_only_look_like_ending_in_a_particle_keep_their_end() -> None:
    assert all(bare_form(f"去{word}。") == f"去{word}" for word in NO_PARTICLES)
    assert bare_form("为什么呢") == "为什么"


def test_what_would_vanish_stays() -> None:
    assert bare_form("了吗？") == "了吗"
    assert bare_form("？！") == bare_form("") == ""


@given(TEXTS)
def test_the_bare_form_of_a_bare_form_is_itself(text: str) -> None:
    assert bare_form(bare_form(text)) == bare_form(text)


@given(TEXTS, st.sampled_from("。？！，"))
def test_a_closing_mark_never_counts(text: str, mark: str) -> None:
    assert bare_form(text + mark) == bare_form(text)
