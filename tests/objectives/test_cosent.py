"""CoSENT: pairs labelled more similar shall have the larger cosine."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roformer_sim.objectives import cosent_loss

PROPERTY = settings(max_examples=20, deadline=None)


def loss(vectors, labels, scale=20.0):
    return float(cosent_loss(np.float32(vectors), np.asarray(labels), scale))


def pairs_with_cosines(cosines):
    """Neighbouring rows (1, 0) and a unit vector at the angle wanted."""
    return np.array([row for c in cosines for row in ([1.0, 0.0], [c, np.sqrt(1 - c**2)])])


def by_definition(vectors, labels, scale):
    """Every ordered pair of pairs."""
    cosines = [
        v @ w / np.linalg.norm(v) / np.linalg.norm(w)
        for v, w in zip(vectors[0::2], vectors[1::2], strict=True)
    ]
    total = sum(
        np.exp(scale * (cosines[j] - cosines[i]))
        for i in range(len(labels))
        for j in range(len(labels))
        if labels[i] > labels[j]
    )
    return np.log1p(total)


def test_a_worked_example():
    # Label 5 at cosine 0.8, label 2 at 0.6, scale 10: log(1 + exp(-2)); the wrong way round log(1 + exp(2)).
    vectors = pairs_with_cosines([0.8, 0.6])
    assert loss(vectors, [5, 2], 10.0) == pytest.approx(np.log1p(np.exp(-2)), rel=1e-5)
    assert loss(vectors, [2, 5], 10.0) == pytest.approx(np.log1p(np.exp(2)), rel=1e-5)


def test_pairs_with_equal_labels_are_not_compared():
    assert loss(pairs_with_cosines([0.9, -0.9, 0.1]), [3, 3, 3]) == 0.0
    # Of three pairs only the third differs in its label: two comparisons of equal cosines.
    assert loss(pairs_with_cosines([0.5, 0.5, 0.5]), [1, 1, 0]) == pytest.approx(np.log(3), rel=1e-5)


def test_one_pair_alone_costs_nothing():
    assert loss(pairs_with_cosines([0.3]), [1]) == 0.0


def test_the_largest_violation_at_a_large_scale_does_not_overflow():
    # exp(2000) is far beyond float32.
    assert loss(pairs_with_cosines([-1.0, 1.0]), [1, 0], 1000.0) == pytest.approx(2000.0, rel=1e-6)
    assert loss(pairs_with_cosines([1.0, -1.0]), [1, 0], 1000.0) == 0.0


@PROPERTY
@given(seed=st.integers(0, 2**32 - 1), scale=st.sampled_from([1.0, 20.0, 100.0]))
def test_equals_the_definition(seed, scale):
    rng = np.random.default_rng(seed)
    vectors, labels = rng.standard_normal((12, 5)), rng.integers(0, 4, 6)
    assert loss(vectors, labels, scale) == pytest.approx(
        by_definition(vectors, labels, scale), rel=1e-4, abs=1e-5
    )


@PROPERTY
@given(seed=st.integers(0, 2**32 - 1))
def test_only_the_order_of_the_labels_matters(seed):
    rng = np.random.default_rng(seed)
    vectors, labels = rng.standard_normal((12, 5)), rng.integers(0, 6, 6)
    order = rng.permutation(6)
    shuffled = vectors.reshape(6, 2, 5)[order].reshape(12, 5)
    assert loss(vectors, 0.1 * labels**3 - 7) == loss(vectors, labels)
    assert loss(shuffled, labels[order]) == pytest.approx(loss(vectors, labels), rel=1e-5, abs=1e-6)
