"""Hard negatives: near the anchor, but not the same."""

from __future__ import annotations

import numpy as np
import pytest

from corpus_builder.errors import InputError
from roformer_sim.retrieval.hard_negatives import Anchor, HardNegativeMiner, Judge, NegativeRules

# Texts and their angles in degrees: the cosine of two is that of the difference.
ANGLES = {
    "怎么开通花呗": 0,
    "怎么开通花呗？": 1,
    "花呗如何开通": 20,
    "花呗怎么弄": 10,
    "怎么关闭花呗": 30,
    "怎么开通借呗": 40,
    "花呗是什么": 50,
    "今天天气好": 120,
}
PAIR = [Anchor("怎么开通花呗", ("花呗如何开通",))]


class Circle:
    """An index of these texts, by comparing with all."""

    def __init__(self) -> None:
        self.texts = list(ANGLES)

    def encode(self, texts) -> np.ndarray:
        angles = np.radians([ANGLES[text] for text in texts])
        return np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)

    def search_vectors(self, vectors, k):
        scores = vectors @ self.encode(self.texts).T
        rows = np.argsort(-scores, axis=1)[:, :k]
        return rows, np.take_along_axis(scores, rows, axis=1)

    def row(self, row: int) -> tuple[str, str]:
        return str(row), self.texts[row]


def mine(teacher=None, anchors=PAIR, **rules) -> list[str]:
    found = HardNegativeMiner(Circle(), NegativeRules(**{"count": 9, **rules}), teacher).mine(anchors)
    return [triple.negative for triple in found]


def test_without_margins_all_but_anchor_and_positive_are_ranked_by_cosine() -> None:
    everything = ["花呗怎么弄", "怎么关闭花呗", "怎么开通借呗", "花呗是什么", "今天天气好"]
    assert mine(relative_margin=None) == everything
    assert mine(relative_margin=None, first_rank=2, last_rank=3) == everything[1:3]
    assert mine(relative_margin=None, count=2) == everything[:2]


def test_negatives_stay_below_the_positive_by_the_margin() -> None:
    # cos 20 is 0.940, cos 10 0.985, cos 30 0.866, cos 40 0.766, cos 50 0.643, cos 120 -0.5
    assert mine(relative_margin=0.0) == ["怎么关闭花呗", "怎么开通借呗", "花呗是什么", "今天天气好"]
    assert mine(relative_margin=0.1) == ["怎么开通借呗", "花呗是什么", "今天天气好"]
    assert mine(relative_margin=None, absolute_margin=0.2) == ["花呗是什么", "今天天气好"]
    assert mine(max_score=0.7, min_score=0.0) == ["花呗是什么"]


def test_every_positive_of_an_anchor_is_kept_out() -> None:
    anchors = [Anchor("怎么开通花呗", ("花呗如何开通", "花呗怎么弄"))]
    found = list(HardNegativeMiner(Circle(), NegativeRules(relative_margin=None, count=9)).mine(anchors))
    assert {triple.positive for triple in found} == {"花呗如何开通", "花呗怎么弄"}
    assert not {triple.negative for triple in found} & {"花呗如何开通", "花呗怎么弄", "怎么开通花呗？"}


def test_a_second_encoder_drops_what_it_finds_the_same() -> None:
    def teacher(texts: list[str]) -> np.ndarray:
        angles = np.radians([5 if text == "怎么关闭花呗" else ANGLES[text] for text in texts])
        return np.column_stack([np.cos(angles), np.sin(angles)])

    miner = HardNegativeMiner(Circle(), NegativeRules(count=9), teacher)
    assert [t.negative for t in miner.mine(PAIR)] == ["怎么开通借呗", "花呗是什么", "今天天气好"]
    assert miner.counts.teacher_dropped == 1


@pytest.mark.parametrize(("room", "asked"), [(8, 8), (4, 12)])
def test_the_second_encoder_is_asked_once_for_what_it_remembers(room: int, asked: int) -> None:
    texts, known = list(ANGLES), []

    def teacher(batch: list[str]) -> np.ndarray:
        known.extend(batch)
        return Circle().encode(batch)

    judge = Judge(teacher, room)
    for part in (texts[:4], texts[:4], texts[4:], texts[:4]):
        judge.learn(part)
        expected = Circle().encode(part) @ Circle().encode(part[:1])[0]
        np.testing.assert_allclose(judge.cosines(part[0], part), expected, atol=1e-6)
    assert len(known) == asked


def test_drawn_negatives_are_the_same_for_the_same_seed() -> None:
    draws = [mine(relative_margin=None, count=2, sampling="random", seed=seed) for seed in (1, 1, 2, 3, 4)]
    assert draws[0] == draws[1]
    assert len(set(map(tuple, draws))) > 1


def test_what_became_of_the_pairs_is_counted() -> None:
    miner = HardNegativeMiner(Circle(), NegativeRules(relative_margin=0.1, min_score=0.0, count=1))
    (triple,) = miner.mine(PAIR)
    assert (triple.positive_score, triple.negative_score) == pytest.approx((0.9397, 0.7660), abs=1e-4)
    assert vars(miner.counts) == {
        "pairs": 1,
        "triples": 1,
        "without": 0,
        "candidates": 5,
        "too_similar": 2,
        "too_far": 1,
        "teacher_dropped": 0,
    }


@pytest.mark.parametrize(
    "rules",
    [
        {"first_rank": 0},
        {"first_rank": 5, "last_rank": 4},
        {"count": 0},
        {"relative_margin": 1.5},
        {"sampling": "best"},
        {"min_score": 0.9, "max_score": 0.1},
    ],
)
def test_rules_that_nothing_can_pass_are_refused(rules: dict) -> None:
    with pytest.raises(InputError):
        NegativeRules(**rules)
