"""Regression to the teacher's direction, seen along fixed axes."""

from __future__ import annotations

import numpy as np
import pytest

from roformer_sim.objectives import axes_regression

AXES = np.float32([[1, 0], [0, 1], [0, 0]])


def loss(student, teacher, axes=AXES):
    return float(axes_regression(np.float32(student), np.float32(teacher), axes))


def test_a_worked_example():
    # The first student points there (cosine 1), the second is at a right angle: 2 (1 - 0), half of it.
    assert loss([[3, 3], [0, 1]], [[1, 1, 9], [2, 0, 0]]) == pytest.approx(1.0)


def test_it_is_twice_one_less_the_mean_cosine():
    rng = np.random.default_rng(0)
    student, teacher, axes = (rng.standard_normal(shape) for shape in ((7, 4), (7, 6), (6, 4)))
    seen = teacher @ axes
    cosines = np.sum(student * seen, 1) / np.linalg.norm(student, axis=1) / np.linalg.norm(seen, axis=1)
    assert loss(student, teacher, np.float32(axes)) == pytest.approx(2 * (1 - cosines.mean()), abs=1e-6)


def test_lengths_do_not_count():
    assert loss([[0.1, 0.2]], [[5, 10, 0]]) == pytest.approx(0, abs=1e-6)
