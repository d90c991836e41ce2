"""Alignment and uniformity: known arrangements of vectors, and the formulas written out pair by pair."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus_builder.errors import InputError
from roformer_sim.evaluation.geometry import alignment, uniformity


def unit(vector):
    return np.array(vector) / math.sqrt(sum(x * x for x in vector))


def uniformity_pair_by_pair(vectors):
    """The definition: log of the mean of exp(-2 d^2) over unordered pairs."""
    pairs = list(itertools.combinations([unit(row) for row in vectors.tolist()], 2))
    return math.log(sum(math.exp(-2 * float(np.sum((x - y) ** 2))) for x, y in pairs) / len(pairs))


def alignment_pair_by_pair(left, right):
    distances = [math.dist(unit(u), unit(v)) ** 2 for u, v in zip(left.tolist(), right.tolist(), strict=True)]
    return sum(distances) / len(distances)


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 40), st.integers(1, 8), st.integers(0, 10_000))
def test_both_are_their_formulas_written_out(rows, width, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((2, rows, width))
    assert uniformity(x) == pytest.approx(uniformity_pair_by_pair(x), abs=1e-9)
    assert alignment(x, y) == pytest.approx(alignment_pair_by_pair(x, y), abs=1e-9)


def test_blocks_of_rows_change_nothing():
    x = np.random.default_rng(0).standard_normal((2500, 3))
    unit_rows = x / np.linalg.norm(x, axis=1, keepdims=True)
    total = 0.0
    for i in range(len(x) - 1):
        total += np.exp(-2 * ((unit_rows[i + 1 :] - unit_rows[i]) ** 2).sum(1)).sum()
    expected = math.log(total / (2500 * 2499 / 2))
    assert uniformity(x) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("vectors", "expected"),
    [
        ([[1.0, 0.0], [1.0, 0.0], [2.0, 0.0]], 0.0),  # all sentences the same
        ([[1.0, 0.0], [-1.0, 0.0]], -8.0),  # |x - y|^2 = 4
        (np.eye(7), -4.0),  # right angles everywhere: |x - y|^2 = 2
        ([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]], math.log((1 + 2 * math.exp(-4)) / 3)),
    ],
)
def test_uniformity_of_known_arrangements(vectors, expected):
    assert uniformity(np.array(vectors)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("degrees", [0, 60, 90, 180])
def test_alignment_of_an_angle_is_two_minus_two_cosines(degrees):
    angle = math.radians(degrees)
    left, right = np.array([[3.0, 0.0]]), np.array([[math.cos(angle), math.sin(angle)]])
    assert alignment(left, right) == pytest.approx(2 - 2 * math.cos(angle), abs=1e-12)


def test_random_directions_in_many_dimensions_come_near_minus_four():
    # E exp(-2 (2 - 2 c)) with c normal of variance 1 / d: -4 + 8 / d.
    x = np.random.default_rng(1).standard_normal((2000, 256)).astype(np.float32)
    assert uniformity(x) == pytest.approx(-4 + 8 / 256, abs=0.005)


def test_a_sample_is_the_same_each_time_and_near_the_whole():
    x = np.random.default_rng(2).standard_normal((3000, 16)) + 0.5
    sampled = uniformity(x, max_rows=500, seed=3)
    assert sampled == uniformity(x, max_rows=500, seed=3)
    assert sampled != uniformity(x, max_rows=500, seed=4)
    assert sampled == pytest.approx(uniformity(x, max_rows=None), abs=0.1)


def test_what_has_no_pair_is_not_a_number():
    assert math.isnan(uniformity(np.ones((1, 3))))
    assert math.isnan(alignment(np.empty((0, 3)), np.empty((0, 3))))


def test_a_zero_vector_is_no_division_by_zero():
    assert alignment(np.zeros((1, 2)), np.array([[1.0, 0.0]])) == 1.0


def test_wrong_shapes_are_refused():
    with pytest.raises(InputError, match=r"\(2, 3\) and \(3, 3\)"):
        alignment(np.ones((2, 3)), np.ones((3, 3)))
    with pytest.raises(InputError, match="matrix"):
        uniformity(np.ones(5))
    with pytest.raises(InputError, match="max_rows"):
        uniformity(np.ones((5, 2)), max_rows=1)
