"""R-Drop: the symmetric divergence of two passes' predictions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roformer_sim.objectives import rdrop_divergence

PROPERTY = settings(max_examples=20, deadline=None)


def loss(a, b, weights):
    return float(rdrop_divergence(np.float32(a), np.float32(b), np.float32(weights)))


def by_definition(a, b, weights):
    """Both directions of Kullback and Leibler, token after token."""
    total = 0.0
    for row_a, row_b, weight in zip(np.float64(a), np.float64(b), weights, strict=True):
        p, q = np.exp(row_a) / np.exp(row_a).sum(), np.exp(row_b) / np.exp(row_b).sum()
        total += weight * 0.5 * (sum(p * np.log(p / q)) + sum(q * np.log(q / p)))
    return total / max(sum(weights), 1.0)


def test_a_worked_example():
    # 0.9 : 0.1 against 0.6 : 0.4, half of 0.3 log(0.9/0.6) + 0.3 log(0.4/0.1) = 0.15 log 6.
    a, b = np.log([[0.9, 0.1], [0.5, 0.5]]), np.log([[0.6, 0.4], [0.2, 0.8]])
    assert loss(a, b, [1, 0]) == pytest.approx(0.15 * np.log(6), rel=1e-5)


def test_equal_predictions_and_no_targets_cost_nothing():
    a = np.random.default_rng(0).standard_normal((4, 7))
    assert loss(a, a, [1, 1, 1, 1]) == 0.0
    assert loss(a, a + 3.5, [1, 1, 1, 1]) == pytest.approx(0.0, abs=1e-9)
    assert loss(a, -a, [0, 0, 0, 0]) == 0.0


def test_sure_and_contrary_passes_cost_the_difference_of_their_scores():
    assert loss([[3e4, 0.0]], [[0.0, 3e4]], [1]) == pytest.approx(3e4, rel=1e-6)


@PROPERTY
@given(seed=st.integers(0, 2**32 - 1), size=st.floats(0.1, 8.0))
def test_equals_the_definition_both_ways(seed, size):
    rng = np.random.default_rng(seed)
    a, b = size * rng.standard_normal((2, 6, 9))
    weights = rng.integers(0, 2, 6)
    expected = pytest.approx(by_definition(a, b, weights), rel=1e-4, abs=1e-7)
    assert loss(a, b, weights) == expected
    assert loss(b, a, weights) == expected


@PROPERTY
@given(seed=st.integers(0, 2**32 - 1), size=st.sampled_from([1e-4, 1e-3, 1e-2]))
def test_never_negative_however_near_the_passes_are(seed, size):
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((5, 300))
    assert loss(a, a + size * rng.standard_normal(a.shape), np.ones(5)) >= 0.0
