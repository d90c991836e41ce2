"""Sentence-BERT: [u, v, |u - v|], and cross-entropy among the classes of the pair's own task."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from roformer_sim.objectives import masked_class_accuracy, masked_class_cross_entropy, pair_features

PROPERTY = settings(max_examples=20, deadline=None)
TASKS = {0: (0, 1), 1: (0, 1), 2: (2, 3, 4), 3: (2, 3, 4), 4: (2, 3, 4)}


def loss(logits, labels, **options):
    return float(masked_class_cross_entropy(np.float32(logits), np.int32(labels), **options))


def by_definition(logits, labels):
    """Pair after pair, the softmax over the task's own classes alone."""
    total = 0.0
    for row, label in zip(np.float64(logits), labels, strict=True):
        total -= np.log(np.exp(row[label]) / sum(np.exp(row[c]) for c in TASKS[label]))
    return total / len(labels)


def test_features_of_a_pair_are_both_vectors_and_their_distance():
    vectors = np.float32([[1, 2], [4, 0], [5, 5], [5, 7]])
    expected = [[1, 2, 4, 0, 3, 2], [5, 5, 5, 7, 0, 2]]
    assert ops.convert_to_numpy(pair_features(vectors)).tolist() == expected


@pytest.mark.parametrize(("label", "classes"), [(0, 2), (1, 2), (2, 3), (3, 3), (4, 3)])
def test_equal_logits_cost_the_logarithm_of_the_tasks_classes(label, classes):
    assert loss(np.zeros((1, 5)), [label]) == pytest.approx(np.log(classes), rel=1e-6)


def test_the_other_tasks_classes_do_not_matter():
    # Odds 3 : 1 for the right class of STS, whatever NLI's classes say.
    assert loss([[0.0, np.log(3), 1e4, -1e4, 50]], [1]) == pytest.approx(np.log(4 / 3), rel=1e-6)
    assert float(masked_class_accuracy(np.float32([[0, 1, 99, 99, 99]]), np.int32([1]))) == 1.0


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_coarse_logits_are_masked_and_summed_in_float32(dtype):
    logits = ops.cast(np.zeros((96, 5)), dtype)
    result = masked_class_cross_entropy(logits, np.tile(np.int32([0, 4]), 48))
    assert ops.dtype(result) == "float32"
    assert float(result) == pytest.approx((np.log(2) + np.log(3)) / 2, rel=1e-6)


def test_accuracy_counts_the_best_class_of_the_task():
    logits = np.float32([[2, 1, 0, 0, 0], [2, 1, 0, 0, 0], [9, 9, 0, 2, 1], [9, 9, 3, 2, 1]])
    assert float(masked_class_accuracy(logits, np.int32([0, 1, 3, 4]))) == 0.5


def test_one_task_alone_is_plain_cross_entropy():
    logits = np.random.default_rng(0).standard_normal((4, 3))
    expected = np.mean(np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(4), [0, 1, 2, 1]])
    assert loss(logits, [0, 1, 2, 1], task_sizes=(3,)) == pytest.approx(expected, rel=1e-5)


@PROPERTY
@given(seed=st.integers(0, 2**32 - 1), size=st.floats(0.1, 20.0))
def test_equals_the_definition(seed, size):
    rng = np.random.default_rng(seed)
    logits, labels = size * rng.standard_normal((8, 5)), rng.integers(0, 5, 8)
    assert loss(logits, labels) == pytest.approx(by_definition(logits, labels), rel=1e-4, abs=1e-6)
