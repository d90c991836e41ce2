"""The retrieval loss: cross-entropy of finding one's partner among the rest of the batch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from roformer_sim.objectives import in_batch_softmax, partner_accuracy, partner_labels

PROPERTY = settings(max_examples=20, deadline=None)


def loss(vectors, scale=20.0):
    return float(in_batch_softmax(np.float32(vectors), scale))


def by_definition(vectors, scale):
    """Row after row over all others but itself."""
    total = 0.0
    vectors = np.float64(vectors)
    for i, v in enumerate(vectors):
        partner = i + 1 if i % 2 == 0 else i - 1
        cosines = {j: v @ w / np.linalg.norm(v) / np.linalg.norm(w) for j, w in enumerate(vectors) if j != i}
        total -= np.log(np.exp(scale * cosines[partner]) / sum(np.exp(scale * c) for c in cosines.values()))
    return total / len(vectors)


def test_partners_are_neighbours():
    assert ops.convert_to_numpy(partner_labels(6)).tolist() == [1, 0, 3, 2, 5, 4]


@pytest.mark.parametrize("scale", [20.0, 30.0])
def test_identical_vectors_cost_the_logarithm_of_the_number_of_candidates(scale):
    assert loss(np.ones((8, 3)), scale) == pytest.approx(np.log(7), rel=1e-5)


def test_perfect_partners_cost_next_to_nothing():
    # Four pairs along four axes: exp(20) to 1 for the partner, six candidates beside it.
    vectors = np.repeat(np.eye(4), 2, axis=0)
    assert loss(vectors) == pytest.approx(6 * np.exp(-20), abs=1e-6)
    assert float(partner_accuracy(np.float32(vectors), partner_labels(len(vectors)))) == 1.0


def test_a_worked_example():
    # Cosines: 1 with the partner, 0 and 0 with the others; at scale 1 each row costs log(e + 2) - 1.
    vectors = [[1, 0], [2, 0], [0, 1], [0, 5]]
    assert loss(vectors, scale=1.0) == pytest.approx(np.log(np.e + 2) - 1, rel=1e-5)


def test_a_partner_that_is_opposite_costs_the_whole_range():
    # Cosine -1 with the partner, 0 with the two others, scale 10: log(exp(-10) + 2) + 10.
    vectors = [[1, 0], [-1, 0], [0, 1], [0, -1]]
    assert loss(vectors, scale=10.0) == pytest.approx(np.log(np.exp(-10) + 2) + 10, rel=1e-5)
    assert float(partner_accuracy(np.float32(vectors), partner_labels(len(vectors)))) == 0.0


def test_one_pair_alone_has_nothing_to_choose_from():
    assert loss(np.random.default_rng(0).standard_normal((2, 5))) == 0.0


@PROPERTY
@given(seed=st.integers(0, 2**32 - 1), scale=st.sampled_from([1.0, 20.0, 30.0]))
def test_equals_the_definition(seed, scale):
    vectors = np.random.default_rng(seed).standard_normal((8, 5))
    assert loss(vectors, scale) == pytest.approx(by_definition(vectors, scale), rel=1e-4, abs=1e-5)


@PROPERTY
@given(seed=st.integers(0, 2**32 - 1))
def test_lengths_of_vectors_and_the_order_of_pairs_do_not_matter(seed):
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((8, 5))
    longer = vectors * rng.uniform(0.1, 100, (8, 1))
    shuffled = vectors.reshape(4, 2, 5)[rng.permutation(4)].reshape(8, 5)
    swapped = vectors.reshape(4, 2, 5)[:, ::-1].reshape(8, 5)
    expected = pytest.approx(loss(vectors), rel=1e-4, abs=1e-5)
    assert loss(longer) == expected
    assert loss(shuffled) == expected
    assert loss(swapped) == expected


def test_accuracy_counts_rows_whose_nearest_is_the_partner():
    # Row 2 lies nearer to the first pair than to its partner; the others find theirs.
    vectors = np.float32([[1, 0, 0], [1, 0.1, 0], [1, 0.2, 0.3], [0.3, 0.5, 1]])
    assert float(partner_accuracy(vectors, partner_labels(len(vectors)))) == 0.75


def test_coarse_vectors_are_compared_in_float32():
    result = in_batch_softmax(ops.cast(np.ones((6, 3)), "bfloat16"), 20.0)
    assert ops.dtype(result) == "float32"
    assert float(result) == pytest.approx(np.log(5), rel=1e-5)
