"""Rotary positions: a score between two tokens knows their distance and nothing else of their places."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops
from numpy_network import rotate

from roformer_sim.models.rotary import apply_rotary, deinterleave, rotary_angles

HEADS, HEAD_SIZE, LENGTH = 2, 8, 40


@pytest.fixture
def turned():
    """Turns (length, heads * head_size) rows given in Su's interleaved order."""

    def turn(x, start=0):
        halves = ops.convert_to_numpy(deinterleave(ops.convert_to_tensor(x.astype(np.float32)), HEAD_SIZE))
        heads = halves.reshape(1, len(x), HEADS, HEAD_SIZE)
        cosine, sine = rotary_angles(start + np.arange(len(x)), HEAD_SIZE)
        return ops.convert_to_numpy(apply_rotary(ops.convert_to_tensor(heads), cosine, sine))[0]

    return turn


def test_pairs_of_neighbouring_coordinates_turn_as_complex_numbers(turned):
    x = np.random.default_rng(0).standard_normal((LENGTH, HEADS * HEAD_SIZE))
    result = turned(x)
    for head in range(HEADS):
        mine = x[:, head * HEAD_SIZE : (head + 1) * HEAD_SIZE]
        expected = rotate(mine, np.arange(LENGTH))
        halves = np.concatenate([expected[:, 0::2], expected[:, 1::2]], axis=-1)
        np.testing.assert_allclose(result[:, head], halves, atol=1e-5)


def test_position_zero_is_left_as_it_is(turned):
    x = np.random.default_rng(1).standard_normal((1, HEADS * HEAD_SIZE)).astype(np.float32)
    evens_then_odds = np.concatenate([x[0].reshape(HEADS, -1, 2)[:, :, i] for i in (0, 1)], axis=1)
    np.testing.assert_array_equal(turned(x)[0], evens_then_odds)


def test_lengths_are_kept(turned):
    x = np.random.default_rng(2).standard_normal((LENGTH, HEADS * HEAD_SIZE))
    norms = np.linalg.norm(x.reshape(LENGTH, HEADS, HEAD_SIZE), axis=-1)
    np.testing.assert_allclose(np.linalg.norm(turned(x), axis=-1), norms, rtol=1e-5)


def test_scores_depend_on_the_distance_alone(turned):
    rng = np.random.default_rng(3)
    query, key = rng.standard_normal((2, 1, HEADS * HEAD_SIZE))
    queries, keys = turned(np.repeat(query, LENGTH, 0)), turned(np.repeat(key, LENGTH, 0))
    scores = np.einsum("ihd,jhd->hij", queries, keys)
    for distance in (-20, -3, 0, 1, 15):
        along = np.diagonal(scores, distance, axis1=1, axis2=2)
        np.testing.assert_allclose(along, np.repeat(along[:, :1], along.shape[1], 1), atol=1e-4)
    assert np.ptp(scores[0, 0]) > 0.5


def test_a_worked_example():
    # Head size 2 has one pair and frequency 1: position 1 turns (1, 0) to (cos 1, sin 1).
    cosine, sine = rotary_angles(np.array([0, 1]), 2)
    x = ops.convert_to_tensor(np.array([[[[1.0, 0.0]], [[1.0, 0.0]]]], np.float32))
    result = ops.convert_to_numpy(apply_rotary(x, cosine, sine))[0, :, 0]
    np.testing.assert_allclose(result, [[1.0, 0.0], [0.5403023, 0.8414710]], atol=1e-6)
