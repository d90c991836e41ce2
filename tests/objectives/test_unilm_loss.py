"""The generation loss: cross-entropy of the target tokens."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from roformer_sim.objectives import unilm_accuracy, unilm_cross_entropy

PROPERTY = settings(max_examples=20, deadline=None)


def loss(logits, targets, weights):
    return float(unilm_cross_entropy(np.float32(logits), np.int32(targets), np.float32(weights)))


def by_definition(logits, targets, weights):
    """Token after token, minus the logarithm of the probability of the right one."""
    total = 0.0
    for row, target, weight in zip(np.float64(logits), targets, weights, strict=True):
        total -= weight * np.log(np.exp(row[target]) / np.exp(row).sum())
    return total / max(sum(weights), 1.0)


def test_equal_scores_cost_the_logarithm_of_the_vocabulary():
    assert loss(np.full((3, 50), 2.5), [0, 7, 49], [1, 1, 1]) == pytest.approx(np.log(50), rel=1e-6)


def test_a_sure_and_right_model_costs_nothing():
    assert loss(np.eye(4) * 50, [0, 1, 2, 3], [1, 1, 1, 1]) == pytest.approx(0.0, abs=1e-6)


def test_a_sure_and_wrong_model_costs_the_difference_of_the_scores():
    assert loss([[50.0, 0.0]], [1], [1]) == pytest.approx(50.0, rel=1e-6)


def test_a_worked_example():
    # Odds 3 : 1 right (log 4/3), odds 1 : 1 (log 2); the third row is padding of the list.
    logits = [[np.log(3.0), 0.0], [1.0, 1.0], [9.0, -9.0]]
    assert loss(logits, [0, 1, 1], [1, 1, 0]) == pytest.approx((np.log(4 / 3) + np.log(2)) / 2, rel=1e-6)


def test_nothing_to_predict_costs_nothing():
    assert loss(np.ones((2, 5)), [0, 1], [0, 0]) == 0.0


def test_enormous_scores_do_not_overflow():
    assert loss([[3e4, -3e4]], [0], [1]) == 0.0


@PROPERTY
@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(0.1, 8.0))
def test_equals_the_definition(seed, scale):
    rng = np.random.default_rng(seed)
    logits = scale * rng.standard_normal((6, 9))
    targets, weights = rng.integers(0, 9, 6), rng.integers(0, 2, 6)
    assert loss(logits, targets, weights) == pytest.approx(by_definition(logits, targets, weights), rel=1e-5)


def test_coarse_logits_are_summed_in_float32():
    logits = ops.cast(np.zeros((300, 40)), "bfloat16")
    result = unilm_cross_entropy(logits, np.zeros(300, np.int32), np.ones(300))
    assert ops.dtype(result) == "float32"
    assert float(result) == pytest.approx(np.log(40), rel=1e-6)


def test_accuracy_counts_the_most_likely_tokens_of_weight_one():
    logits = np.float32([[0, 1, 0], [2, 1, 0], [0, 0, 3], [5, 0, 0]])
    accuracy = unilm_accuracy(logits, np.int32([1, 1, 2, 0]), np.float32([1, 1, 1, 0]))
    assert float(accuracy) == pytest.approx(2 / 3)
