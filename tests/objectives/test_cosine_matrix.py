"""Distillation: the squared difference of the student's and the teacher's cosine matrix."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roformer_sim.objectives import cosine_matrix_distillation

PROPERTY = settings(max_examples=20, deadline=None)


def loss(student, teacher):
    return float(cosine_matrix_distillation(np.float32(student), np.float32(teacher)))


def by_definition(student, teacher):
    """Entry after entry, the diagonal included."""

    def cosine(v, w):
        return v @ w / np.linalg.norm(v) / np.linalg.norm(w)

    n = len(student)
    squares = [
        (cosine(student[i], student[j]) - cosine(teacher[i], teacher[j])) ** 2
        for i in range(n)
        for j in range(n)
    ]
    return sum(squares) / n**2


def test_a_worked_example():
    # Cosines 0 of the student against 1 of the teacher, twice; the diagonal counts in the mean of four.
    assert loss([[1, 0], [0, 3]], [[1, 1, 0], [2, 2, 0]]) == pytest.approx(0.5)


def test_the_worst_case_is_short_of_four_by_the_diagonal():
    assert loss([[1, 0], [-1, 0]], [[1, 0], [2, 0]]) == pytest.approx(2.0)


@PROPERTY
@given(seed=st.integers(0, 2**32 - 1))
def test_equals_the_definition_for_any_two_dimensions(seed):
    rng = np.random.default_rng(seed)
    student, teacher = rng.standard_normal((6, 5)), rng.standard_normal((6, 9))
    assert loss(student, teacher) == pytest.approx(by_definition(student, teacher), rel=1e-5)


@PROPERTY
@given(seed=st.integers(0, 2**32 - 1))
def test_a_turned_and_stretched_teacher_is_reproduced_already(seed):
    rng = np.random.default_rng(seed)
    student = rng.standard_normal((6, 5))
    turn, _ = np.linalg.qr(rng.standard_normal((5, 5)))
    assert loss(student, student @ turn * rng.uniform(0.1, 10, (6, 1))) == pytest.approx(0.0, abs=1e-11)
