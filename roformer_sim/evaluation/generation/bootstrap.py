"""How sure a mean over sources is: percentile intervals of the bootstrap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from corpus_builder.errors import InputError

NAN = float("nan")


class Estimate(NamedTuple):
    """A mean over sources, its interval, and over how many sources."""

    mean: float
    low: float
    high: float
    sources: int


def bootstrap_mean(
    values: Sequence[float] | npt.NDArray[np.float64],
    *,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Mean of one value a source, with the percentile bootstrap's interval over sources.

    Sources are drawn with replacement, as many as there are, ``resamples`` times; the interval holds the
    middle ``confidence`` of the means. Variants of one source depend on one another, so sources are what is
    drawn.

    Args:
        values: (n,); NaN marks a source of which the figure is undefined, and is left out.
        resamples: At least 1.
        confidence: In (0, 1).
        seed: The same values and seed give the same interval.

    Returns:
        NaN for mean and bounds where no value is left.

    Raises:
        InputError: An argument outside its range.

    Example:
        >>> bootstrap_mean([2.0, 2.0, float("nan")])
        Estimate(mean=2.0, low=2.0, high=2.0, sources=2)

    Reference:
        Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
    """
    if resamples < 1:
        raise InputError(f"the bootstrap needs at least 1 resample, not {resamples}")
    if not 0 < confidence < 1:
        raise InputError(f"confidence lies between 0 and 1, not {confidence}")
    known = np.asarray(values, np.float64)
    known = known[~np.isnan(known)]
    if not len(known):
        return Estimate(NAN, NAN, NAN, 0)
    rng = np.random.default_rng(seed)
    means = known[rng.integers(len(known), size=(resamples, len(known)))].mean(axis=1)
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Estimate(float(known.mean()), float(low), float(high), len(known))
