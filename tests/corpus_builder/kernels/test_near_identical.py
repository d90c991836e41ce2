"""Near-identical members of a group, and keys seen before, against loops."""

from __future__ import annotations

import itertools
import random
from fractions import Fraction

import numpy as np
import pytest
from groups_oracle import bare, longest_common_subsequence, near_identical
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus_builder.errors import InputError
from corpus_builder.kernels.near_identical import first_of_their_kind
from corpus_builder.kernels.seen import SeenKeys
from corpus_builder.kernels.texts import encode_texts
from corpus_builder.miners.near_identical import bare_form, distinct_members

# 天 and 冷 share a bit of the signature with no other; the last two share one bit.
TEXTS = st.text(alphabet="天冷热a𠮷", max_size=9)
LEAST = st.sampled_from([Fraction(*pair) for pair in ((1, 3), (1, 2), (2, 3), (4, 5), (9, 10), (1, 1))])


@settings(max_examples=1000, deadline=None)
@given(st.lists(st.lists(TEXTS, max_size=8), max_size=4), LEAST)
def test_the_first_of_each_kind_stays(groups: list[list[str]], least: Fraction) -> None:
    texts = list(itertools.chain.from_iterable(groups))
    bounds = list(itertools.accumulate(map(len, groups), initial=0))
    expected = []
    for group in groups:
        kept: list[str] = []
        for text in group:
            near = [
                2 * longest_common_subsequence(text, other) >= least * (len(text) + len(other))
                for other in kept
                if text + other
            ]
            expected.append(not any(near))
            kept += [] if any(near) else [text]
    forms = range(len(texts))
    found = first_of_their_kind(*encode_texts(texts), bounds, list(forms), float(least))
    assert found.tolist() == expected


def test_texts_of_one_form_are_the_same_within_a_group_only() -> None:
    codes, offsets = encode_texts(["天", "冷", "热", "好"])
    found = first_of_their_kind(codes, offsets, [0, 2, 4], [5, 5, 5, 6], 1.0)
    assert found.tolist() == [True, False, True, True]


def test_a_large_group() -> None:
    # 3,000 sentences, each a thousandth of them once more with a character put in or exchanged.
    rng = random.Random(7)
    characters = [chr(0x4E00 + k) for k in range(2000)]
    texts = ["".join(rng.choices(characters, k=24)) for _ in range(3000)]
    put_in = [text[:5] + "的" + text[5:] for text in texts[::100]]
    exchanged = [text[:9] + "𠮷" + text[10:] for text in texts[50::100]]
    moved = [text[12:] + text[:12] for text in texts[7::100]]
    everything = [*texts, *put_in, *exchanged, *moved]
    kept = distinct_members([dict.fromkeys(everything, "")], 0.95)[0]
    assert list(kept) == texts + moved


@pytest.mark.parametrize("threshold", [0.0, 1.01, float("nan")])
def test_a_similarity_that_cannot_be_is_refused(threshold: float) -> None:
    with pytest.raises(InputError, match="near-identity lies in"):
        distinct_members([{"你好": ""}], threshold)


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("感冒吃什么药", "感冒了吃什么药呢", True),
        ("感冒吃什么药", "医生你好请问感冒吃什么药谢谢医生", True),
        ("感冒吃什么药", "麻烦问一下感冒吃什么药", True),
        ("空调能直接坐地上吗", "空调能不能直接坐地上", False),
        ("怎么治疗感冒", "感冒怎么治疗", False),
        ("买3斤苹果多少钱", "买2斤苹果多少钱", False),
        ("你好", "您好", False),
    ],
)
def test_what_differs_in_courtesy_or_tone_alone(a: str, b: str, same: bool) -> None:
    assert (bare_form(a) == bare_form(b)) is same
    assert len(distinct_members([{a: "", b: ""}], 1.0)[0]) == 2 - same


@settings(max_examples=500, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "医生",
                "你好",
                "您好",
                "请问",
                "一下",
                "我",
                "想",
                "问",
                "下",
                "谢谢",
                "感谢",
                "你",
                "大家",
                "了",
                "药",
            ]
        ),
        max_size=9,
    ).map("".join)
)
def test_bare_forms(text: str) -> None:
    assert bare_form(text) == bare(text)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(alphabet="天冷吗的呢热", min_size=1, max_size=12), unique=True, max_size=12), LEAST)
def test_no_member_that_stays_is_near_another_and_each_that_goes_is(
    members: list[str], least: Fraction
) -> None:
    kept = list(distinct_members([dict.fromkeys(members, "")], float(least))[0])
    assert not any(near_identical(a, b, least) for a, b in itertools.combinations(kept, 2))
    for member in set(members) - set(kept):
        before = [other for other in kept if members.index(other) < members.index(member)]
        assert any(near_identical(member, other, least) for other in before)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(st.integers(0, 40) | st.integers(0, 2**64 - 1), max_size=30), max_size=8))
def test_keys_are_new_once(calls: list[list[int]]) -> None:
    seen, so_far = SeenKeys(), set[int]()
    for keys in calls:
        expected = []
        for key in keys:
            expected.append(max(key, 1) not in so_far)  # 0 and 1 are one key
            so_far.add(max(key, 1))
        assert seen.admit(np.array(keys, np.uint64)).tolist() == expected


def test_many_keys() -> None:
    seen = SeenKeys()
    keys = np.random.default_rng(0).integers(0, 1 << 63, 100_000).astype(np.uint64)
    for piece in np.array_split(keys, 37):
        assert seen.admit(piece).all()
    assert not seen.admit(keys).any()
