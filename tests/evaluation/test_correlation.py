"""Correlations against rankings worked out by hand, and against SciPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus_builder.errors import InputError
from roformer_sim.evaluation import pearson, spearman


def test_a_ranking_worked_out_by_hand() -> None:
    # Ranks 4 1 3 2 5 against 5 1 2 3 4: squared differences 1 0 1 1 1, so 1 - 6 * 4 / (5 * 24).
    assert spearman([0.7, 0.1, 0.5, 0.4, 0.9], [50, 10, 20, 30, 40]) == pytest.approx(0.8)


def test_equal_labels_share_their_mean_rank() -> None:
    # Ranks 1 2 3 4 against 1.5 1.5 3.5 3.5: Pearson of the ranks is 4 / sqrt(5 * 4).
    assert spearman([0.1, 0.2, 0.3, 0.4], [0, 0, 1, 1]) == pytest.approx(4 / math.sqrt(20))


def test_the_opposite_order_is_minus_one() -> None:
    assert spearman([3, 2, 1], [1, 2, 3]) == pytest.approx(-1)


@settings(deadline=None)  # the first call imports SciPy
@given(st.lists(st.integers(-1000, 1000), min_size=2, max_size=30, unique=True))
def test_only_the_order_counts(labels: list[int]) -> None:
    scores = np.array(labels) / 1000.0
    assert spearman(np.exp(scores), labels) == pytest.approx(1)


@pytest.mark.parametrize(
    ("scores", "labels"),
    [([0.5, 0.5, 0.5], [1, 2, 3]), ([1, 2, 3], [0, 0, 0]), ([0.1, math.nan, 0.3], [1, 2, 3])],
)
def test_without_a_ranking_it_is_nan(scores: list[float], labels: list[float]) -> None:
    assert math.isnan(spearman(scores, labels))


def test_rows_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="one length"):
        spearman([1, 2, 3], [1, 2])
    with pytest.raises(InputError, match="at least 2 rows"):
        spearman([1], [1])


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(-4, 4), st.integers(0, 3)), min_size=3, max_size=40))
def test_both_agree_with_scipy_where_ties_are_common(rows: list[tuple[int, int]]) -> None:
    from scipy.stats import pearsonr, spearmanr

    x, y = np.array(rows, float).T
    if np.ptp(x) and np.ptp(y):
        assert spearman(x, y) == pytest.approx(spearmanr(x, y).statistic, abs=1e-12)
        assert pearson(x, y) == pytest.approx(pearsonr(x, y).statistic, abs=1e-12)
    else:
        assert math.isnan(spearman(x, y)) and math.isnan(pearson(x, y))
