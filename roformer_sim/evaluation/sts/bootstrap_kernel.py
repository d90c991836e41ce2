"""The inner loop of the bootstrap, compiled."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from corpus_builder.kernels.compiling import compiled

Floats = npt.NDArray[np.float64]


@compiled
def spearman_kernel(
    counts: npt.NDArray[np.uint16],
    orders: npt.NDArray[np.int32],
    ends: npt.NDArray[np.bool_],
    groups: npt.NDArray[np.int32],
    label_ranks: Floats,
    label_ties: Floats,
    result: Floats,
) -> None:
    """Spearman of each resample with each row of scores, ``result[cell, sample]``.

    With R, S the mean ranks of a drawn row (doubled here, so that they are whole numbers): covariance
    sum R S - N mean^2, variance (N^3 - N - sum over ties of (t^3 - t)) / 12.

    Args:
        counts: (samples, n) how often each pair was drawn.
        orders, ends, groups: (cells, n) pairs by rising score; whether a group of equal scores ends there;
            the label's group.
        label_ranks, label_ties: (samples, labels), (samples,), of ``Resamples``.
    """
    size = orders.shape[1]
    whole = float(size) ** 3 - size
    middle = size * ((size + 1) / 2.0) ** 2
    for sample in range(counts.shape[0]):
        label_spread = (whole - label_ties[sample]) / 12.0
        for cell in range(orders.shape[0]):
            product, ties, held, drawn, before = 0.0, 0.0, 0.0, np.int64(0), np.int64(0)
            for place in range(size):
                count = np.int64(counts[sample, orders[cell, place]])
                drawn += count
                held += count * label_ranks[sample, groups[cell, place]]
                if ends[cell, place]:
                    product += held * (2 * before + drawn + 1)
                    ties += float(drawn * drawn) * drawn - drawn
                    before += drawn
                    held, drawn = 0.0, np.int64(0)
            spread = (whole - ties) / 12.0 * label_spread
            result[cell, sample] = (product / 4.0 - middle) / np.sqrt(spread) if spread > 0 else np.nan
