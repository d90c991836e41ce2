"""How sure a correlation is: the bootstrap over pairs, ranks made anew in each resample."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from corpus_builder.errors import InputError

Floats = npt.NDArray[np.float64]
_BLOCK_ENTRIES = 2_000_000  # of a block of resamples: 16 MB of float64


class Resamples:
    """Pairs of one table drawn with replacement, as many as it has; the same draws for all that is measured.

    A resample is kept as how often each pair was drawn. The correlations of a resample are those that SciPy
    would give for the drawn rows, the copies of a pair tied. Nothing is sorted in it: scores are sorted once,
    and one pass over the counts in that order gives the mean ranks, ``(counts before) + (t + 1) / 2`` for a
    group of t equal scores, and the sums of products with the ranks of the labels.

    Args:
        labels: (n,) of the table.
        resamples: How many; 0 for none.
        seed: Of the draws.
        name: Of the table: two tables draw different rows with one seed.

    Raises:
        InputError: Less than 0 resamples.

    Reference:
        Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13 (percentile intervals).
    """

    def __init__(self, labels: Sequence[float], resamples: int, seed: int = 0, name: str = "") -> None:
        if resamples < 0:
            raise InputError(f"the bootstrap cannot draw {resamples} resamples")
        self.labels = np.asarray(labels, np.float64)
        self.resamples = resamples
        self._seed = [seed, zlib.crc32(name.encode())]
        _, self._label_groups = np.unique(self.labels, return_inverse=True)

    def correlations(self, scores: Sequence[Floats]) -> tuple[Floats, Floats]:
        """Spearman and Pearson of every resample with every row of scores.

        Args:
            scores: c rows of n finite scores, in the order of the labels.

        Returns:
            Two arrays (c, resamples), in [-1, 1]; NaN where scores or labels of a resample are all equal.
        """
        ranked, linear = np.empty((2, len(scores), self.resamples))
        if not len(scores) or not self.resamples:
            return ranked, linear
        orders = np.stack([np.argsort(row, kind="stable") for row in scores]).astype(np.int32)
        ordered = np.take_along_axis(np.stack(list(scores)), orders, axis=1)
        ends = np.append(ordered[:, 1:] != ordered[:, :-1], np.ones((len(scores), 1), bool), axis=1)
        groups = self._label_groups[orders]
        start = 0
        for counts in self._blocks():
            block = slice(start, start + len(counts))
            _spearmans(counts, orders, ends, groups, self._label_ranks(counts), ranked[:, block])
            linear[:, block] = _pearsons(counts.astype(np.float64), scores, self.labels)
            start = block.stop
        return ranked, linear

    def _label_ranks(self, counts: npt.NDArray[np.uint16]) -> tuple[Floats, Floats]:
        """Mean rank of each label in each resample, doubled, (samples, labels), and the sum of t^3 - t."""
        held: Floats = np.stack(
            [
                np.bincount(self._label_groups, weights=row, minlength=int(self._label_groups.max()) + 1)
                for row in counts
            ]
        )
        below = np.cumsum(held, axis=1) - held
        return np.asarray(2.0 * below + held + 1.0), np.asarray(np.sum(held**3 - held, axis=1))

    def _blocks(self) -> Iterator[npt.NDArray[np.uint16]]:
        rng = np.random.default_rng(self._seed)
        rows = len(self.labels)
        step = max(1, _BLOCK_ENTRIES // rows)
        for start in range(0, self.resamples, step):
            number = min(step, self.resamples - start)
            drawn = rng.integers(rows, size=(number, rows))
            drawn += np.arange(number)[:, None] * rows
            # No pair is drawn 65,536 times: of a table large enough for that, about once is the mean.
            yield np.bincount(drawn.ravel(), minlength=number * rows).reshape(number, rows).astype(np.uint16)


def percentile_interval(draws: Floats, confidence: float = 0.95) -> tuple[float, float]:
    """The middle ``confidence`` of the draws that are defined; NaN where fewer than half of them are.

    Raises:
        InputError: ``confidence`` is not between 0 and 1.

    Example:
        >>> percentile_interval(np.arange(101.0), 0.9)
        (5.0, 95.0)
    """
    if not 0 < confidence < 1:
        raise InputError(f"confidence lies between 0 and 1, not {confidence}")
    known = draws[~np.isnan(draws)]
    if not len(known) or len(known) < len(draws) / 2:
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _spearmans(
    counts: npt.NDArray[np.uint16],
    orders: npt.NDArray[np.int32],
    ends: npt.NDArray[np.bool_],
    groups: npt.NDArray[np.integer],
    label_ranks: tuple[Floats, Floats],
    result: Floats,
) -> None:
    from roformer_sim.evaluation.sts.bootstrap_kernel import spearman_kernel  # Numba takes a while to import

    ranks, label_ties = label_ranks
    spearman_kernel(counts, orders, ends, groups.astype(np.int32), ranks, label_ties, result)


def _pearsons(counts: Floats, scores: Sequence[Floats], labels: Floats) -> Floats:
    """Pearson of each row of counts with each row of scores, (c, resamples), by three matrix products."""
    x = np.stack([np.asarray(row) - np.mean(row) for row in scores])
    y = labels - labels.mean()
    total = counts.sum(axis=1)
    mean_x, mean_y = counts @ x.T / total[:, None], counts @ y / total
    spread_x = counts @ (x**2).T / total[:, None] - mean_x**2
    spread_y = counts @ y**2 / total - mean_y**2
    covariance = counts @ (x * y).T / total[:, None] - mean_x * mean_y[:, None]
    floor_x, floor_y = 1e-13 * np.mean(x**2, axis=1), 1e-13 * np.mean(y**2)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = covariance / np.sqrt(spread_x * spread_y[:, None])
    found[(spread_x <= floor_x) | (spread_y[:, None] <= floor_y)] = np.nan
    return np.clip(found, -1, 1).T
