"""The parts of a run's page: marked differences, histograms, samples, the funnel, bars."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus_builder.report.charts import bar_chart
from corpus_builder.report.differences import Span, mark_differences
from corpus_builder.report.funnel import funnel, other_counts
from corpus_builder.report.histograms import Bin, Histogram, PartnerCounts, Reservoir, ScoreHistogram
from corpus_builder.similarity import normalise


def joined(spans: list[Span], *kinds: str) -> str:
    return "".join(span.text for span in spans if span.kind in kinds)


def forms(text: str) -> Counter[str]:
    return Counter(form for form in map(normalise, text) if form)


sentences = st.text(alphabet="甲乙丙丁ＡaA１1，。 ", max_size=14)


@given(sentences, sentences)
def test_marked_are_exactly_the_characters_that_the_partner_lacks(a: str, b: str) -> None:
    spans_a, spans_b = mark_differences(a, b)
    assert joined(spans_a, "same", "moved", "other") == a
    assert joined(spans_b, "same", "moved", "other") == b
    assert forms(joined(spans_a, "other")) == forms(a) - forms(b)
    assert forms(joined(spans_b, "other")) == forms(b) - forms(a)
    assert forms(joined(spans_a, "moved")) == forms(joined(spans_b, "moved"))


def test_a_word_that_moved_is_not_marked_as_exchanged() -> None:
    a, b = mark_differences("明天我们去公园。", "我们明天去公园")
    assert {joined(a, "moved"), joined(b, "moved")} <= {"明天", "我们"}
    assert not joined(a, "other") and not joined(b, "other")


@given(st.lists(st.integers(0, 300), min_size=1), st.integers(1, 50))
def test_histogram_agrees_with_sorting_all_values(values: list[int], most: int) -> None:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    assert histogram.mean == pytest.approx(sum(values) / len(values))
    assert histogram.quantile(0.5) == sorted(values)[(len(values) - 1) // 2]
    bins = histogram.bins(most)
    assert len(bins) <= most
    assert [b.count for b in bins] == [sum(b.low <= v < b.high for v in values) for b in bins]
    assert sum(b.count for b in bins) == len(values)
    assert all(left.high == right.low for left, right in pairwise(bins))


@pytest.mark.parametrize("thousandths", range(0, 1001, 20))
def test_a_score_falls_into_the_bin_that_starts_with_it(thousandths: int) -> None:
    histogram = ScoreHistogram()
    histogram.add(thousandths / 1000)
    first = histogram.bins()[0]
    assert first.count == 1
    assert first.low == pytest.approx(min(thousandths, 980) / 1000)


def test_a_reservoir_draws_each_item_equally_often() -> None:
    drawn: Counter[int] = Counter()
    for seed in range(2000):
        reservoir = Reservoir[int](5, str(seed))
        for item in range(20):
            reservoir.add(item)
        assert reservoir.seen == 20 and len(set(reservoir.items)) == 5
        drawn.update(reservoir.items)
    # Each item 2000 * 5 / 20 = 500 times; the standard deviation is about 19.
    assert all(400 < drawn[item] < 600 for item in range(20))


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 4)), max_size=200), st.integers(4, 80))
def test_partners_of_watched_sentences_are_exact(pairs: list[tuple[int, int]], limit: int) -> None:
    true: Counter[int] = Counter()
    watched = PartnerCounts(limit)
    for sentence, partners in pairs:
        true[sentence] += partners
        watched.add(f"句{sentence}", partners)
    histogram = watched.histogram()
    assert histogram.total <= limit * watched.scale
    if watched.scale == 1:
        assert histogram.counts == Counter(true.values())
    else:
        assert len(true) > limit
        assert all(count % watched.scale == 0 for count in histogram.counts.values())
        assert set(histogram.counts) <= set(true.values())


def test_watched_sentences_stand_for_all_of_them() -> None:
    watched = PartnerCounts(500)
    for n in range(20_000):
        watched.add(f"句子{n}", 1 + n % 3)
    histogram = watched.histogram()
    assert watched.scale > 1
    assert histogram.total == pytest.approx(20_000, rel=0.2)
    assert histogram.mean == pytest.approx(2.0, rel=0.1)


def test_the_funnel_subtracts_each_drop_from_its_unit() -> None:
    counts = {
        "windows": 6,
        "sentences": 100,
        "sentences dropped: length": 30,
        "pairs above the threshold": 50,
        "sentences dropped: boilerplate": 20,
        "pairs dropped: negation": 10,
        "pairs": 38,
    }
    stages = [[(step.label, step.left, step.dropped) for step in stage] for stage in funnel(counts)]
    assert stages == [
        [("sentences", 100, 0), ("after: length", 70, 30), ("after: boilerplate", 50, 20)],
        [("pairs above the threshold", 50, 0), ("after: negation", 40, 10), ("pairs kept", 38, 2)],
    ]
    assert other_counts(counts) == {"windows": 6}


def test_bars_are_as_high_as_their_counts() -> None:
    chart = bar_chart([Bin(0, 1, 5), Bin(1, 2, 0), Bin(2, 3, 20)], lambda b: f"{b.low}", lambda b: f"{b.low}")
    assert [bar.height for bar in chart.bars] == pytest.approx(
        [chart.bars[2].height / 4, 0, chart.bars[2].height]
    )
    assert all(bar.y + bar.height == pytest.approx(chart.bottom) for bar in chart.bars)
    assert [tick.label for tick in chart.y_ticks] == ["0", "5", "10", "15", "20"]
    assert chart.y_ticks[0].position == chart.bottom
    assert [bar.label for bar in chart.bars] == ["0: 5", "1: 0", "2: 20"]
