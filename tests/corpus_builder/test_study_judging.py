"""Shares of good pairs from samples of bands, the threshold they suggest, a teacher's calibration."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus_builder.errors import InputError
from corpus_builder.study.cells import Cells
from corpus_builder.study.quality import Figure, figures, suggest
from corpus_builder.study.teachers import Calibration, calibrate

THRESHOLDS = [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]


def test_the_share_of_a_threshold_weighs_each_band_by_its_pairs() -> None:
    cells = Cells([[300, 80, 20], [0, 80, 20], [0, 0, 20]], [[], [], []])
    cosines = [np.array([0.1, 0.2, 0.3, 0.9]), np.array([0.1, 0.9]), np.array([0.95, 0.96])]
    calibration = Calibration(0.8, hit_rate=0.9, false_rate=0.1, auc=0.8, pairs=10)
    low, middle, high = figures(
        ("s", "documents", "set", "use"), cells, cosines, [0.5, 0.6, 0.7], calibration
    )
    assert (low.pairs, middle.pairs, high.pairs) == (400, 100, 20)
    assert (low.judged, middle.judged, high.judged) == (8, 4, 2)
    assert low.above == pytest.approx(0.75 * 0.25 + 0.2 * 0.5 + 0.05 * 1)
    assert middle.above == pytest.approx(0.8 * 0.5 + 0.2 * 1)
    assert high.above == 1 and high.error == 0
    assert middle.error == pytest.approx(0.8 * (0.25 / 2) ** 0.5)
    assert low.good == pytest.approx((low.above - 0.1) / 0.8)
    assert (low.band_pairs, low.band_above) == (300, 0.25)
    assert low.cosine == pytest.approx(0.75 * 0.375 + 0.2 * 0.5 + 0.05 * 0.955)


def test_stratified_figures_agree_with_judging_all_pairs() -> None:
    generator = np.random.default_rng(0)
    scores = generator.uniform(0.3, 1, 60_000) ** 1.5
    scores = scores[scores >= 0.3]
    cosine = np.clip(scores + generator.normal(0, 0.2, len(scores)), -1, 1)
    band = np.searchsorted(np.array(THRESHOLDS), scores, "right") - 1
    counts = np.zeros((len(THRESHOLDS), len(THRESHOLDS)), int)
    for k in range(len(THRESHOLDS)):
        counts[k, k:] = np.bincount(band, minlength=len(THRESHOLDS))[k:]
    sampled = [generator.choice(cosine[band == n], 400) for n in range(len(THRESHOLDS))]
    lines = figures(
        ("s", "answers", "set", "use"),
        Cells(counts.tolist(), []),
        sampled,
        THRESHOLDS,
        Calibration(0.7, 0.9, 0.1, 0.9, 10),
    )
    for line, threshold in zip(lines, THRESHOLDS, strict=True):
        true = (cosine[scores >= threshold] >= 0.7).mean()
        assert abs(line.above - true) < 4 * line.error + 1e-9


def figure(threshold: float, good: float, band_good: float | None, pairs: int = 100) -> Figure:
    return Figure(
        "s", "answers", "set", threshold, "use", pairs, 9, 0.5, 0.5, 0.0, good, 9, band_good, band_good
    )


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([figure(0.5, 0.7, 0.6), figure(0.6, 0.85, 0.6), figure(0.7, 0.9, 0.9)], 0.6),
        # Many very similar pairs keep the whole good; the edge tells.
        ([figure(0.5, 0.99, 0.1), figure(0.6, 0.99, 0.4), figure(0.7, 1.0, 0.7)], 0.7),
        ([figure(0.5, 0.9, None), figure(0.6, 0.9, 0.8)], 0.6),
        ([figure(0.5, 0.1, 0.1), figure(0.6, 0.2, 0.1)], None),
    ],
)
def test_the_suggested_threshold_is_the_lowest_that_is_good_as_a_whole_and_at_its_edge(
    lines: list[Figure], expected: float | None
) -> None:
    (suggestion,) = suggest(lines, level=0.8, band_level=0.5)
    assert suggestion.threshold == expected


@settings(max_examples=200)
@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=2, max_size=30).filter(
            lambda rows: len({label for _, label in rows}) == 2
        ),
        min_size=1,
        max_size=3,
    )
)
def test_calibration_agrees_with_trying_every_threshold(tables: list[list[tuple[int, bool]]]) -> None:
    def rates(threshold: float) -> tuple[float, float]:
        hits, falses = [], []
        for rows in tables:
            good = [c / 20 >= threshold for c, label in rows if label]
            bad = [c / 20 >= threshold for c, label in rows if not label]
            hits.append(sum(good) / len(good))
            falses.append(sum(bad) / len(bad))
        return sum(hits) / len(hits), sum(falses) / len(falses)

    def auc(rows: list[tuple[int, bool]]) -> float:
        wins = [(a > b) + (a == b) / 2 for a, good in rows if good for b, other in rows if not other]
        return sum(wins) / len(wins)

    best = max(hit - false for hit, false in (rates(c / 20) for c in range(21)))
    arrays = [
        (np.array([c / 20 for c, _ in rows]), np.array([label for _, label in rows])) for rows in tables
    ]
    if best <= 1e-12:
        with pytest.raises(InputError, match="does not separate"):
            calibrate(arrays)
        return
    found = calibrate(arrays)
    hit, false = rates(found.threshold)
    assert (found.hit_rate, found.false_rate) == (pytest.approx(hit), pytest.approx(false))
    assert hit - false == pytest.approx(best)
    assert found.auc == pytest.approx(sum(map(auc, tables)) / len(tables))
    assert found.good_share(hit) == pytest.approx(1) and found.good_share(false) == pytest.approx(0)


def test_a_labelled_table_of_one_class_is_refused() -> None:
    with pytest.raises(InputError, match="both sides of its min_label"):
        calibrate([(np.array([0.5, 0.6]), np.array([True, True]))])
