"""Which token comes next: temperature, top-k, nucleus and the draw, against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from roformer_sim import InputError
from roformer_sim.generation.sampling import (
    draw,
    next_token_probabilities,
    softmax,
    truncate_nucleus,
    truncate_top_k,
)

SEEDS = st.integers(0, 2**32 - 1)


def some_probabilities(seed, rows=3, size=9):
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.full(size, rng.uniform(0.1, 3.0)), rows)


def plain_top_k(row, k):
    kept = sorted(range(len(row)), key=lambda i: -row[i])[:k]
    return np.array([row[i] if i in kept else 0.0 for i in range(len(row))]) / sum(row[i] for i in kept)


def plain_nucleus(row, p):
    kept, total = [], 0.0
    for i in sorted(range(len(row)), key=lambda i: -row[i]):
        kept.append(i)
        total += row[i]
        if total >= p:
            break
    return np.array([row[i] if i in kept else 0.0 for i in range(len(row))]) / total


def test_softmax_of_a_worked_example():
    np.testing.assert_allclose(softmax(np.log([[1.0, 2.0, 5.0]])), [[0.125, 0.25, 0.625]])
    # At temperature 1/2 odds are squared: 1 : 4 : 25.
    np.testing.assert_allclose(softmax(np.log([[1.0, 2.0, 5.0]]), 0.5), [[1 / 30, 4 / 30, 25 / 30]])


def test_softmax_takes_enormous_and_forbidden_scores():
    result = softmax(np.array([[1e30, 0.0, -np.inf], [-1e30, -1e30, -np.inf]]))
    np.testing.assert_allclose(result, [[1.0, 0.0, 0.0], [0.5, 0.5, 0.0]])


def test_top_k_of_a_worked_example():
    result = truncate_top_k(np.array([[0.1, 0.4, 0.2, 0.3]]), 2)
    np.testing.assert_allclose(result, [[0.0, 4 / 7, 0.0, 3 / 7]])


@given(seed=SEEDS, k=st.integers(1, 12))
def test_top_k_keeps_the_k_most_likely(seed, k):
    probabilities = some_probabilities(seed)
    expected = [plain_top_k(row, k) for row in probabilities]
    np.testing.assert_allclose(truncate_top_k(probabilities, k), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("p", "expected"),
    [
        # The token that crosses p stays: 0.5 alone does not reach 0.6, with 0.25 it does.
        (0.6, [2 / 3, 0, 1 / 3, 0]),
        # 0.5 reaches 0.5 by itself.
        (0.5, [1, 0, 0, 0]),
        (1e-9, [1, 0, 0, 0]),
        (0.8, [4 / 7, 1 / 7, 2 / 7, 0]),
        (1.0, [0.5, 0.125, 0.25, 0.125]),
    ],
)
def test_nucleus_of_a_worked_example(p, expected):
    result = truncate_nucleus(np.array([[0.5, 0.125, 0.25, 0.125]]), p)
    np.testing.assert_allclose(result, [expected])


@given(seed=SEEDS, p=st.floats(0.01, 0.999))
def test_nucleus_is_the_smallest_set_that_reaches_p(seed, p):
    probabilities = some_probabilities(seed)
    expected = [plain_nucleus(row, p) for row in probabilities]
    np.testing.assert_allclose(truncate_nucleus(probabilities, p), expected, rtol=1e-9)


def test_top_k_comes_before_top_p():
    # Of [0.4, 0.3, 0.2, 0.1] top-3 leaves [4/9, 3/9, 2/9], of which two reach 0.75; of all four, three do.
    logits = np.log([[0.4, 0.3, 0.2, 0.1]])
    both = next_token_probabilities(logits, top_k=3, top_p=0.75)
    np.testing.assert_allclose(both, [[4 / 7, 3 / 7, 0, 0]])
    np.testing.assert_allclose(next_token_probabilities(logits, top_p=0.75), [[4 / 9, 3 / 9, 2 / 9, 0]])


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"temperature": 0.0}, "temperature"),
        ({"temperature": -1.0}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"temperature": float("inf")}, "temperature"),
        ({"top_k": 0}, "top_k"),
        ({"top_p": 0.0}, "top_p"),
        ({"top_p": 1.01}, "top_p"),
        ({"top_p": float("nan")}, "top_p"),
    ],
)
def test_a_parameter_out_of_range_is_refused_by_name(wrong, named):
    with pytest.raises(InputError, match=named):
        next_token_probabilities(np.zeros((1, 4)), **wrong)


def test_draws_come_as_often_as_their_probabilities_say():
    probabilities = np.array([0.02, 0.5, 0.0, 0.3, 0.18])
    tokens = draw(np.tile(probabilities, (20_000, 1)), np.random.default_rng(0))
    counts = np.bincount(tokens, minlength=5)
    assert counts[2] == 0
    possible = probabilities > 0
    assert chisquare(counts[possible], 20_000 * probabilities[possible]).pvalue > 1e-3


def test_rows_are_drawn_independently():
    probabilities = np.tile([0.5, 0.5], (20_000, 1))
    tokens = draw(probabilities, np.random.default_rng(1)).reshape(-1, 2)
    assert chisquare(np.bincount(tokens[:, 0] * 2 + tokens[:, 1], minlength=4)).pvalue > 1e-3


def test_a_sure_token_is_always_drawn_and_the_same_state_draws_the_same():
    assert (draw(np.tile([0.0, 1.0, 0.0], (500, 1)), np.random.default_rng(0)) == 1).all()
    many = some_probabilities(0, rows=200)
    first, second = (draw(many, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
