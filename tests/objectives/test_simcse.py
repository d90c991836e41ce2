"""SimCSE: rows [a, a, b, b, ...] without labels, and triples of anchor, positive, hard negative."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from roformer_sim.objectives import (
    in_batch_softmax,
    simcse_supervised,
    simcse_unsupervised,
    triple_partner_labels,
)

PROPERTY = settings(max_examples=20, deadline=None)


def by_definition(vectors, partners, temperature, same=None):
    """Row after row; a partner is a candidate, a false negative is not."""
    losses = []
    for i, partner in partners.items():
        cosines = {
            j: vectors[i] @ w / np.linalg.norm(vectors[i]) / np.linalg.norm(w)
            for j, w in enumerate(vectors)
            if j != i and (j == partner or same is None or not same[i, j])
        }
        odds = sum(np.exp(c / temperature) for c in cosines.values())
        losses.append(-np.log(np.exp(cosines[partner] / temperature) / odds))
    return np.mean(losses)


def test_every_third_row_has_no_partner():
    labels = ops.convert_to_numpy(triple_partner_labels(9))
    assert labels.tolist() == [1, 0, -1, 4, 3, -1, 7, 6, -1]


def test_unsupervised_is_the_in_batch_softmax_at_scale_twenty():
    vectors = np.random.default_rng(0).standard_normal((8, 5)).astype(np.float32)
    expected = pytest.approx(float(in_batch_softmax(vectors, 20.0)), rel=1e-6)
    assert float(simcse_unsupervised(vectors)) == expected


def test_a_hard_negative_as_near_as_the_positive_costs_a_half():
    # One triple: the anchor has two candidates at cosine 1; so has the positive; the third row no loss.
    assert float(simcse_supervised(np.ones((3, 4), np.float32))) == pytest.approx(np.log(2), rel=1e-5)


def test_a_hard_negative_far_away_costs_nothing():
    vectors = np.float32([[1, 0, 0], [1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, 1, 0], [0, -1, 0]])
    # Candidates beside the partner: the own contradiction at -1, the other triple's three rows at 0.
    expected = np.log(1 + np.exp(-40) + 3 * np.exp(-20))
    assert float(simcse_supervised(vectors)) == pytest.approx(expected, abs=1e-7)


@PROPERTY
@given(seed=st.integers(0, 2**32 - 1), temperature=st.sampled_from([0.05, 0.1, 1.0]))
def test_unsupervised_equals_the_definition(seed, temperature):
    vectors = np.random.default_rng(seed).standard_normal((8, 5))
    value = float(simcse_unsupervised(np.float32(vectors), temperature))
    expected = by_definition(vectors, {i: i ^ 1 for i in range(8)}, temperature)
    assert value == pytest.approx(expected, rel=1e-4, abs=1e-5)


@PROPERTY
@given(seed=st.integers(0, 2**32 - 1), temperature=st.sampled_from([0.05, 0.1, 1.0]), masked=st.booleans())
def test_supervised_equals_the_definition(seed, temperature, masked):
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((9, 5))
    same = rng.random((9, 9)) < 0.3 if masked else None
    value = float(simcse_supervised(np.float32(vectors), temperature, same))
    partners = {0: 1, 1: 0, 3: 4, 4: 3, 6: 7, 7: 6}
    assert value == pytest.approx(by_definition(vectors, partners, temperature, same), rel=1e-4, abs=1e-5)
