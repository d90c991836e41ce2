"""Thresholds and probabilities, on pairs whose answer is known."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from corpus_builder.errors import InputError
from roformer_sim.evaluation.threshold import Calibration, find_thresholds
from roformer_sim.evaluation.threshold_plot import plot_thresholds

SCORES = [0.1, 0.2, 0.3, 0.35, 0.4, 0.55, 0.6, 0.7, 0.75, 0.8, 0.9]
SAME = [0, 0, 0, 0, 1, 0, 1, 1, 0, 1, 1]


def drawn(count: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Cosines whose true probability of the same meaning is the cosine squared."""
    rng = np.random.default_rng(0)
    scores = rng.uniform(0, 1, count)
    return scores, rng.random(count) < scores**2


def test_the_best_threshold_is_that_of_trying_each() -> None:
    report = find_thresholds(SCORES, SAME, method="platt")
    tried = {}
    for value in SCORES:
        called = [score >= value for score in SCORES]
        hits = sum(c and s for c, s in zip(called, SAME, strict=True))
        tried[value] = 2 * hits / (sum(called) + sum(SAME))
    assert report.best.value == max(tried, key=tried.__getitem__)
    assert report.best.f1 == pytest.approx(max(tried.values()))


def test_a_wanted_precision_has_the_lowest_threshold_that_reaches_it() -> None:
    report = find_thresholds(SCORES, SAME, precisions=(0.8, 1.0), method="platt")
    assert (report.targets[0.8].value, report.targets[0.8].precision) == (0.6, 0.8)
    assert (report.targets[1.0].value, report.targets[1.0].recall) == (0.8, 0.4)


def test_a_precision_out_of_reach_is_none() -> None:
    labels = [*SAME[:-1], 0, 1, 1]
    report = find_thresholds([*SCORES, 0.05, 0.06], labels, precisions=(0.999,), method="platt")
    assert report.targets[0.999] is None
    assert report.to_dict()["precision"] == {"0.999": None}


@pytest.mark.parametrize("method", ["isotonic", "platt"])
def test_probabilities_are_those_the_labels_were_drawn_with(method) -> None:
    report = find_thresholds(*drawn(), method=method)
    cosines = np.array([0.2, 0.5, 0.7, 0.9])
    tolerance = 0.06 if method == "isotonic" else 0.12
    np.testing.assert_allclose(report.calibration.probability(cosines), cosines**2, atol=tolerance)
    # Of the true probabilities p the Brier score would be the mean of p (1 - p): 1/3 - 1/5.
    assert report.brier == pytest.approx(1 / 3 - 1 / 5, abs=0.015)


@pytest.mark.parametrize("method", ["isotonic", "platt"])
def test_a_calibration_written_as_json_is_the_same(method) -> None:
    calibration = find_thresholds(*drawn(500), method=method).calibration
    again = Calibration.from_dict(calibration.to_dict())
    np.testing.assert_allclose(
        again.probability(np.linspace(0, 1, 50)), calibration.probability(np.linspace(0, 1, 50)), atol=1e-4
    )


def test_average_precision_of_a_perfect_order_is_one() -> None:
    report = find_thresholds(np.arange(20), np.arange(20) > 9, method="platt")
    assert report.average_precision == pytest.approx(1)


@pytest.mark.parametrize(
    ("scores", "same", "message"),
    [
        ([0.1] * 9, [True] * 9, "all 9 pairs are labelled as the same"),
        ([0.1] * 9, [False] * 9, "all 9 pairs are labelled as different"),
        (range(9), [True] + [False] * 8, "1 pairs are the same and 8 are not; at least 5"),
        ([0.1, np.nan] * 8, [True, False] * 8, r"cosine of pair 1 \(from 0\) is NaN"),
        ([0.1] * 9, [True] * 8, "as many labels as cosines"),
    ],
)
def test_labels_that_say_nothing_are_refused(scores, same, message: str) -> None:
    with pytest.raises(InputError, match=message):
        find_thresholds(list(scores), same)


def test_the_plot_is_a_picture(tmp_path: Path) -> None:
    plot_thresholds(find_thresholds(*drawn(300)), tmp_path / "curve.png", "a model")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert len(list(tmp_path.iterdir())) == 1


def test_without_scikit_learn_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(InputError, match=r"roformer-sim\[search\]"):
        find_thresholds(SCORES, SAME)
