"""Rows that mean the same are no negatives of one another, in all in-batch losses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roformer_sim.objectives import (
    in_batch_softmax,
    info_nce_loss,
    partner_accuracy,
    partner_labels,
    simcse_supervised,
    simcse_unsupervised,
)
from roformer_sim.training.false_negatives import same_sentences

PROPERTY = settings(max_examples=20, deadline=None)


def by_definition(vectors, scale, same):
    """In-batch softmax whose rows are compared with the candidates that are left."""
    total = 0.0
    for i, v in enumerate(vectors):
        partner = i ^ 1
        left = [j for j in range(len(vectors)) if j == partner or (j != i and not same[i, j])]
        scores = {j: scale * v @ vectors[j] / np.linalg.norm(v) / np.linalg.norm(vectors[j]) for j in left}
        total += np.log(sum(np.exp(s) for s in scores.values())) - scores[partner]
    return total / len(vectors)


@PROPERTY
@given(seed=st.integers(0, 2**32 - 1), scale=st.sampled_from([1.0, 20.0, 30.0]), share=st.floats(0, 1))
def test_equals_the_definition(seed, scale, share):
    rng = np.random.default_rng(seed)
    vectors, same = rng.standard_normal((8, 5)), rng.random((8, 8)) < share
    value = float(in_batch_softmax(np.float32(vectors), scale, same))
    assert value == pytest.approx(by_definition(vectors, scale, same), rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("objective", [in_batch_softmax, simcse_unsupervised, simcse_supervised])
def test_no_false_negatives_changes_nothing_and_all_leave_nothing_to_tell_apart(objective):
    vectors = np.random.default_rng(0).standard_normal((12, 5)).astype(np.float32)
    scale = 20.0 if objective is in_batch_softmax else 0.05
    assert float(objective(vectors, scale, np.eye(12, dtype=bool))) == float(objective(vectors, scale))
    assert float(objective(vectors, scale, np.ones((12, 12), bool))) == 0.0


def test_the_same_question_twice_in_a_batch():
    # Both pairs ask for the same: each row's candidates are its partner and the other pair's other wording.
    texts = ["怎么开通花呗", "花呗如何开通", "怎么开通花呗？", "如何开花呗"]
    vectors = np.ones((4, 3), np.float32)
    assert float(in_batch_softmax(vectors, 20.0)) == pytest.approx(np.log(3), rel=1e-5)
    # By text, rows 0 and 2 lose one candidate of three each.
    by_text = float(in_batch_softmax(vectors, 20.0, same_sentences(texts)))
    assert by_text == pytest.approx((np.log(2) + np.log(3)) / 2, rel=1e-5)
    # As one group, all but the partners are gone.
    assert float(in_batch_softmax(vectors, 20.0, same_sentences(texts, [7, 7, 7, 7]))) == 0.0


def test_accuracy_passes_over_false_negatives():
    # Rows 0 and 2 are one text and nearest to one another.
    vectors = np.float32([[1, 0], [1, 0.5], [1, 0], [1, -0.5]])
    assert float(partner_accuracy(vectors, partner_labels(4))) == 0.25
    texts = ["怎么开通花呗", "花呗如何开通", "怎么开通花呗？", "如何开花呗"]
    assert float(partner_accuracy(vectors, partner_labels(4), same_sentences(texts, [0, 0, 1, 1]))) == 1.0


def test_rows_without_a_partner_cost_nothing_and_none_at_all_costs_zero():
    vectors = np.ones((4, 3), np.float32)
    assert float(info_nce_loss(vectors, np.int32([1, -1, -1, -1]), 1.0)) == pytest.approx(np.log(3), rel=1e-5)
    assert float(info_nce_loss(vectors, np.int32([-1, -1, -1, -1]), 1.0, np.ones((4, 4), bool))) == 0.0
