"""Which rows of a batch mean the same, so that the in-batch losses do not push them apart."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from corpus_builder.errors import InputError
from corpus_builder.similarity import normalise


def same_sentences(
    texts: Sequence[str], groups: Sequence[Hashable | None] | None = None
) -> npt.NDArray[np.bool_]:
    """Mask ``same`` of the in-batch losses: pairs of rows that are no negatives of one another.

    Two rows are the same when their texts are equal but for case, width, punctuation and spaces
    (:func:`corpus_builder.similarity.normalise`), or when some group of the batch holds both texts. So
    where a text stands in two groups, each of its rows has the partners of both; the partners themselves
    stay negatives of one another, since what two sentences share with a third they need not share.

    Args:
        texts: The sentences of the rows, before noise, in the order of the batch.
        groups: The group of each row, any hashable; None for a row of no group, as a hard negative is.
            ``None`` for all compares texts alone.

    Returns:
        (n, n), symmetric, True on the diagonal.

    Raises:
        InputError: as many groups as texts there are not.

    Example:
        >>> texts = ["怎么开通花呗", "花呗如何开通", "怎么开通花呗？", "如何开花呗"]
        >>> same_sentences(texts, groups=[0, 0, 1, 1]).astype(int)
        array([[1, 1, 1, 1],
               [1, 1, 1, 0],
               [1, 1, 1, 1],
               [1, 0, 1, 1]])
    """
    # A text of nothing but marks is compared as it stands.
    text_ids = _numbered([normalise(text) or text for text in texts])
    if groups is None:
        return text_ids[:, None] == text_ids[None, :]
    if len(groups) != len(texts):
        raise InputError(f"{len(texts)} texts need as many groups, not {len(groups)}")
    rows = [row for row, group in enumerate(groups) if group is not None]
    group_ids = _numbered([groups[row] for row in rows])
    shape = (int(text_ids.max(initial=-1)) + 1, int(group_ids.max(initial=-1)) + 1)
    member = csr_array((np.ones(len(rows), np.int32), (text_ids[rows], group_ids)), shape=shape)
    together = (member @ member.T).toarray() > 0
    np.fill_diagonal(together, True)
    return together[text_ids[:, None], text_ids[None, :]]


def _numbered(values: Sequence[Hashable]) -> npt.NDArray[np.int64]:
    """Equal values get equal numbers, from 0."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(value, len(numbers)) for value in values], np.int64)
