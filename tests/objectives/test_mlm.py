"""The masked language model: the original tokens at the chosen positions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roformer_sim.objectives import mlm_accuracy, mlm_cross_entropy

PROPERTY = settings(max_examples=20, deadline=None)


def by_definition(all_logits, original, chosen):
    """Over the whole grid of a batch, from which only the chosen positions count."""
    losses = [
        np.log(np.exp(all_logits[b, t]).sum()) - all_logits[b, t, original[b, t]]
        for b, t in zip(*np.nonzero(chosen), strict=True)
    ]
    return np.mean(losses) if losses else 0.0


@PROPERTY
@given(seed=st.integers(0, 2**32 - 1), share=st.sampled_from([0.0, 0.15, 0.5]))
def test_equals_the_definition_over_a_whole_batch(seed, share):
    rng = np.random.default_rng(seed)
    all_logits, original = 3 * rng.standard_normal((4, 6, 11)), rng.integers(0, 11, (4, 6))
    chosen = rng.random((4, 6)) < share
    # As a batch lists them: one flat array, filled up with position 0 at weight 0.
    positions = np.zeros(24, np.int32)
    positions[: chosen.sum()] = np.flatnonzero(chosen)
    weights = np.arange(24) < chosen.sum()
    logits = np.float32(all_logits.reshape(-1, 11)[positions])
    value = float(mlm_cross_entropy(logits, original.reshape(-1)[positions], weights))
    assert value == pytest.approx(by_definition(all_logits, original, chosen), rel=1e-5, abs=1e-6)


def test_a_worked_example():
    # 科学[MASK][MASK]: 技 at odds 3 : 1, 术 at 1 : 1; the third entry fills the list.
    logits = np.float32([[np.log(3), 0], [1, 1], [9, -9]])
    weights = np.float32([1, 1, 0])
    value = float(mlm_cross_entropy(logits, np.int32([0, 1, 1]), weights))
    assert value == pytest.approx((np.log(4 / 3) + np.log(2)) / 2, rel=1e-6)
    # No token is more likely than 术: equal ones count as right.
    assert float(mlm_accuracy(logits, np.int32([0, 1, 1]), weights)) == 1.0
    assert float(mlm_accuracy(logits, np.int32([1, 1, 1]), weights)) == 0.5


def test_nothing_chosen_costs_nothing():
    assert float(mlm_cross_entropy(np.ones((2, 5), np.float32), np.int32([0, 1]), np.zeros(2))) == 0.0
