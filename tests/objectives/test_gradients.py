"""The losses fall where their gradients point: derivatives against differences of values."""

from __future__ import annotations

import numpy as np
import pytest
from objective_cases import OBJECTIVES, OF_LOGITS, OF_VECTORS, OTHERS, gradient

from roformer_sim.objectives import cosine_matrix_distillation


@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES.keys())
def test_gradients_are_the_slopes(objective):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((6, 5)).astype(np.float32)
    slope = gradient(objective, x)
    assert np.isfinite(slope).all() and np.abs(slope).max() > 1e-2
    for _ in range(5):
        direction = rng.standard_normal(x.shape).astype(np.float32)
        step = np.float32(1e-2) * direction
        difference = (float(objective(x + step)) - float(objective(x - step))) / 2e-2
        assert difference == pytest.approx(float((slope * direction).sum()), rel=2e-2, abs=2e-3)


@pytest.mark.parametrize("name", OF_LOGITS)
def test_padding_of_the_list_gets_no_gradient(name):
    slope = gradient(OBJECTIVES[name], np.ones((6, 5), np.float32))
    assert (slope[2] == 0).all() and (np.abs(np.delete(slope, 2, 0)).max(axis=-1) > 0).all()


@pytest.mark.parametrize("name", OF_VECTORS)
def test_a_zero_vector_and_equal_vectors_spoil_no_gradient(name):
    vectors = np.random.default_rng(0).standard_normal((6, 5)).astype(np.float32)
    vectors[0], vectors[3] = 0, vectors[2]
    assert np.isfinite(float(OBJECTIVES[name](vectors)))
    assert np.isfinite(gradient(OBJECTIVES[name], vectors)).all()


def test_the_teacher_is_not_taught():
    student = OTHERS[:6]
    slope = gradient(lambda x: cosine_matrix_distillation(student, x), student + 1)
    assert slope is None or (slope == 0).all()


def test_agreeing_passes_pull_nowhere():
    slope = gradient(OBJECTIVES["R-Drop, first pass"], OTHERS[:6])
    assert np.abs(slope).max() < 1e-7
