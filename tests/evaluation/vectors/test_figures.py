"""Anisotropy, spectrum and separation: known arrangements, and independent implementations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score

from corpus_builder.errors import InputError
from roformer_sim.evaluation.vectors import auc, effective_rank, mean_cosine, variance_shares


@settings(deadline=None, max_examples=25)
@given(st.integers(2, 30), st.integers(2, 30), st.integers(0, 9999))
def test_auc_is_the_area_under_the_roc_curve_also_with_ties(positives, negatives, seed):
    rng = np.random.default_rng(seed)
    p, n = rng.integers(0, 6, positives), rng.integers(0, 5, negatives)
    expected = roc_auc_score([1] * positives + [0] * negatives, np.concatenate([p, n]))
    assert auc(p, n) == pytest.approx(expected, abs=1e-12)


def test_auc_needs_both_kinds():
    with pytest.raises(InputError, match="2 and 0"):
        auc([0.5, 0.6], [])


def test_the_mean_cosine_is_that_of_all_pairs_of_rows():
    x = np.random.default_rng(0).standard_normal((20, 4)) + 0.4
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    cosines = unit @ unit.T
    assert mean_cosine(x) == pytest.approx(cosines[np.triu_indices(20, 1)].mean(), abs=1e-12)
    assert mean_cosine(np.array([[1.0, 0.0], [-3.0, 0.0]])) == pytest.approx(-1)


def test_shares_of_variance_are_those_of_principal_components_of_the_directions():
    x = np.random.default_rng(1).standard_normal((60, 5)) * [5, 3, 1, 1, 0.1]
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    np.testing.assert_allclose(variance_shares(x), PCA().fit(unit).explained_variance_ratio_, atol=1e-12)


def test_the_effective_rank_counts_the_directions_that_are_used():
    axes = np.concatenate([np.eye(6), -np.eye(6)])
    assert effective_rank(axes) == pytest.approx(6)
    flat = np.zeros((12, 6))
    flat[:, :2] = np.concatenate([axes[:6, :2] + axes[:6, 2:4] + axes[:6, 4:6], axes[:6, :2] * 0 + [-1, 0]])
    assert effective_rank(flat) <= 2 + 1e-9
    assert effective_rank(np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])) == 0
    assert variance_shares(np.array([[1.0, 1.0], [2.0, 2.0]])).sum() == 0


@pytest.mark.parametrize("wrong", [np.ones(3), np.ones((1, 3)), np.zeros((2, 2)), np.full((2, 2), np.nan)])
def test_what_has_no_directions_is_refused(wrong):
    with pytest.raises(InputError):
        mean_cosine(wrong)
