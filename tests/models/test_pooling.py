"""The four sentence vectors by their definitions, on hidden states written by hand."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from roformer_sim import InputError
from roformer_sim.models import HiddenStates, Pooling, l2_normalize


@pytest.fixture
def states():
    """Two rows of [CLS] 好 [SEP], the second with one token of padding full of rubbish."""
    first = np.array([[[0, 0], [2, 2], [4, 1]], [[6, 2], [0, 0], [9e9, 9e9]]], np.float32)
    last = np.array([[[1, 2], [3, 4], [5, 0]], [[2, 4], [4, 8], [9e9, 9e9]]], np.float32)
    mask = np.array([[True, True, True], [True, True, False]])
    return HiddenStates(*map(ops.convert_to_tensor, (first, last, mask)))


@pytest.fixture
def backbone(small_config, random_network):
    backbone = random_network(small_config(hidden_size=2, num_attention_heads=1)).backbone
    backbone.pooler.set_weights([np.array([[1.0, 2.0], [0.0, 1.0]]), np.array([0.5, -1.0])])
    return backbone


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [
        ("P1", [[1, 2], [2, 4]]),
        # x W + b, no activation: [1 + 0.5, 2 + 2 - 1] and [2 + 0.5, 4 + 4 - 1].
        ("P2", [[1.5, 3], [2.5, 7]]),
        ("P3", [[3, 2], [3, 6]]),
        # Means of the first layer [2, 1] and [3, 1], averaged with P3.
        ("P4", [[2.5, 1.5], [3, 3.5]]),
    ],
)
def test_worked_example(backbone, states, pooling, expected):
    vectors = ops.convert_to_numpy(backbone.pooled(states, pooling))
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, expected, rtol=1e-6)


def test_the_pooler_may_be_negative(backbone, states):
    # tanh would lie within -1 and 1, relu above 0: SimBERT's pooler is linear.
    backbone.pooler.set_weights([-10 * np.eye(2), np.zeros(2)])
    np.testing.assert_allclose(
        ops.convert_to_numpy(backbone.pooled(states, Pooling.P2)), [[-10, -20], [-20, -40]]
    )


def test_an_unknown_pooling_is_refused(backbone, states):
    with pytest.raises(InputError, match=r"P5.*P1, P2, P3, P4"):
        backbone.pooled(states, "P5")


def test_normalised_rows_have_length_one_and_a_zero_row_stays():
    rows = ops.convert_to_numpy(l2_normalize(np.array([[3.0, 4.0], [0.0, 0.0], [-1e-3, 0.0]])))
    np.testing.assert_allclose(rows, [[0.6, 0.8], [0.0, 0.0], [-1.0, 0.0]], atol=1e-6)
