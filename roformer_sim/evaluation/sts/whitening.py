"""Whitening of the vectors of one table, for the columns of the benchmark."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from roformer_sim.retrieval.whitening import Whitening


def whitened(vectors: npt.NDArray[np.floating], rows: npt.NDArray[np.integer]) -> npt.NDArray[np.floating]:
    """Vectors whitened by those of ``rows``, directions of largest variance first; see :class:`Whitening`.

    The first 256 columns are what is published as whitening-256.

    Args:
        vectors: (n, d).
        rows: The rows it is fitted on, repeated as often as they count.

    Returns:
        (n, k), k at most d; k is 0 where all rows are the same.
    """
    fitted_on = vectors[rows]
    if (fitted_on == fitted_on[0]).all():
        return vectors[:, :0]
    return Whitening.fit([fitted_on]).transform(vectors, normalize=False)
