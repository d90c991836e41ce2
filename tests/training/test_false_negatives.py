"""Which rows of a batch mean the same: equal texts, and texts that a group of the batch holds."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus_builder.similarity import normalise
from roformer_sim import InputError
from roformer_sim.training import false_negatives
from roformer_sim.training.false_negatives import same_sentences

TEXTS = st.sampled_from(
    ["怎么开通花呗", "怎么开通花呗？", "花呗如何开通", "ＡＰＰ打不开", "app 打不开!", "？", "！"]
)
ROWS = st.lists(st.tuples(TEXTS, st.one_of(st.none(), st.integers(0, 3))), max_size=12)


def by_definition(rows):
    """Every two rows: equal texts, or some group with both texts among its rows."""

    def key(text):
        return normalise(text) or text

    members = {}
    for text, group in rows:
        if group is not None:
            members.setdefault(group, set()).add(key(text))
    return [
        [
            key(a) == key(b) or any(key(a) in texts and key(b) in texts for texts in members.values())
            for b, _ in rows
        ]
        for a, _ in rows
    ]


@given(rows=ROWS)
def test_equals_the_definition(rows):
    same = same_sentences([text for text, _ in rows], [group for _, group in rows])
    assert same.shape == (len(rows), len(rows)) and same.dtype == bool
    assert same.tolist() == by_definition(rows)


@given(rows=ROWS)
def test_symmetric_and_true_of_a_row_itself(rows):
    same = same_sentences([text for text, _ in rows], [group for _, group in rows])
    assert (same == same.T).all() and same.diagonal().all()


def test_texts_alone_are_compared_but_for_case_width_marks_and_spaces():
    texts = ["ＡＰＰ打不开", "app 打不开！", "怎么打开app", "？", "！"]
    expected = np.eye(5, dtype=bool)
    expected[0, 1] = expected[1, 0] = True
    assert (same_sentences(texts) == expected).all()


def test_a_hard_negative_belongs_to_no_group():
    texts = [
        "一个人在弹吉他",
        "有人在演奏乐器",
        "没有人在弹吉他",
        "没有人在弹吉他。",
        "没人弹吉他",
        "有人在弹吉他",
    ]
    same = same_sentences(texts, [0, 0, None, 1, 1, None])
    # The contradiction of the first triple is the anchor of the second, of whose group it is therefore.
    assert same[2].tolist() == [False, False, True, True, True, False]


def test_groups_of_any_kind_and_none_at_all():
    assert same_sentences(["甲", "乙", "丙"], ["q1", ("q", 2), "q1"])[0].tolist() == [True, False, True]
    assert (same_sentences(["甲", "乙"], [None, None]) == np.eye(2, dtype=bool)).all()
    assert same_sentences([]).shape == (0, 0)


def test_as_many_groups_as_texts():
    with pytest.raises(InputError, match="3 texts need as many groups, not 2"):
        same_sentences(["甲", "乙", "丙"], [0, 0])


def test_the_example():
    assert doctest.testmod(false_negatives).failed == 0
