"""Intervals: every resample has the correlations that SciPy gives for the drawn rows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr

from corpus_builder.errors import InputError
from roformer_sim.evaluation.sts import Bootstrap, Variant, evaluate_pairs, read_sts_table
from roformer_sim.evaluation.sts.bootstrap import Resamples, percentile_interval


def drawn_rows(rows: int, resamples: int) -> list[np.ndarray]:
    """The rows of each resample, found with scores that count one row each: its share of a column."""
    counter = Resamples(np.arange(rows, dtype=float), resamples, 5, "T")
    return [np.repeat(np.arange(rows), counts) for block in counter._blocks() for counts in block]


def test_each_resample_is_what_scipy_says_of_the_drawn_rows() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 80).astype(float)
    tied = np.round(labels + rng.standard_normal(80), 1)
    free = rng.standard_normal(80)
    ranked, linear = Resamples(labels, 30, 5, "T").correlations([tied, free])
    assert ranked.shape == linear.shape == (2, 30)
    for k, rows in enumerate(drawn_rows(80, 30)):
        assert len(rows) == 80
        for cell, scores in enumerate((tied, free)):
            assert ranked[cell, k] == pytest.approx(
                spearmanr(scores[rows], labels[rows]).statistic, abs=1e-12
            )
            assert linear[cell, k] == pytest.approx(pearsonr(scores[rows], labels[rows]).statistic, abs=1e-12)


def test_the_same_seed_and_table_draw_the_same_rows_and_another_table_others() -> None:
    labels, scores = np.arange(30.0) % 3, np.random.default_rng(1).standard_normal(30)
    one, again, other = (
        Resamples(labels, 20, 0, name).correlations([scores])[0] for name in ("BQ", "BQ", "ATEC")
    )
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


def test_the_interval_of_a_normal_sample_has_the_width_that_theory_says() -> None:
    # Fisher: atanh of the correlation has a standard error of about 1 / sqrt(n - 3).
    rng = np.random.default_rng(2)
    x = rng.standard_normal(2000)
    y = 0.5 * x + math.sqrt(0.75) * rng.standard_normal(2000)
    _, linear = Resamples(y, 500).correlations([x])
    low, high = percentile_interval(linear[0])
    r = pearsonr(x, y).statistic
    half = 1.96 / math.sqrt(1997)
    assert low == pytest.approx(math.tanh(math.atanh(r) - half), abs=0.012)
    assert high == pytest.approx(math.tanh(math.atanh(r) + half), abs=0.012)


def test_resamples_in_which_all_labels_are_equal_are_left_out(write_table) -> None:
    # Of two rows half of the resamples hold one of them twice.
    ranked, _ = Resamples([0.0, 1.0], 200).correlations([np.array([0.1, 0.9])])
    known = ranked[0][~np.isnan(ranked[0])]
    assert 60 < len(known) < 140 and np.allclose(known, 1)
    table = read_sts_table(write_table("T/valid.tsv", [("一", "二", 0)] * 30 + [("三", "四", 1)]))
    scores = evaluate_pairs(lambda a, b: [float(t == "三") for t in a], [table], name="mine")
    [figure] = scores.figures[Variant("", "")]
    assert figure.spearman.value == pytest.approx(100) and figure.spearman.low == pytest.approx(100)


def test_without_resamples_there_is_no_interval(write_table) -> None:
    table = read_sts_table(write_table("T/valid.tsv"))
    [figures] = evaluate_pairs(
        lambda a, b: [3, 2, 1, 0], [table], name="mine", bootstrap=Bootstrap(0)
    ).figures.values()
    assert figures[0].spearman.value == pytest.approx(100)
    assert math.isnan(figures[0].spearman.low)


def test_arguments_out_of_range_are_refused() -> None:
    with pytest.raises(InputError, match="-1 resamples"):
        Resamples([0.0, 1.0], -1)
    with pytest.raises(InputError, match="between 0 and 1"):
        percentile_interval(np.arange(3.0), 95)
