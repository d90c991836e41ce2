"""Bootstrap intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest

from corpus_builder.errors import InputError
from roformer_sim.evaluation.generation.bootstrap import bootstrap_mean

NAN = float("nan")


def test_the_interval_is_near_the_one_of_the_normal_distribution() -> None:
    values = np.random.default_rng(1).normal(5.0, 2.0, 400)
    mean, low, high, sources = bootstrap_mean(values, resamples=4000)
    half = 1.96 * values.std() / math.sqrt(400)
    assert (mean, sources) == (pytest.approx(values.mean()), 400)
    assert low == pytest.approx(mean - half, abs=0.1 * half)
    assert high == pytest.approx(mean + half, abs=0.1 * half)


def test_undefined_values_are_left_out_and_the_seed_decides() -> None:
    values = [1.0, NAN, 4.0, 2.0, NAN]
    assert bootstrap_mean(values) == bootstrap_mean([1.0, 4.0, 2.0]) == bootstrap_mean(values)
    assert bootstrap_mean(values).sources == 3
    assert math.isnan(bootstrap_mean([NAN]).mean) and bootstrap_mean([]).sources == 0


def test_more_confidence_is_a_wider_interval() -> None:
    values = np.arange(50.0)
    narrow, wide = (bootstrap_mean(values, confidence=c) for c in (0.5, 0.99))
    assert wide.low < narrow.low < narrow.mean < narrow.high < wide.high


def test_arguments_out_of_range_are_refused() -> None:
    with pytest.raises(InputError, match="at least 1 resample"):
        bootstrap_mean([1.0], resamples=0)
    with pytest.raises(InputError, match=r"not 1\.0"):
        bootstrap_mean([1.0], confidence=1.0)
