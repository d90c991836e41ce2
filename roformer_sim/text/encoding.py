"""What a text becomes: token ids, segment ids, and where each token stands in the text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import repeat

import numpy as np

from corpus_builder.errors import InputError


class EncodedRows:
    """The tokens of many rows end to end, so that a batch costs a few array operations.

    Args:
        token_ids, segment_ids: int32 (tokens of all rows,).
        offsets: int32 (tokens of all rows, 2), or what computes them when they are first asked for.
        bounds: int64 (rows + 1,), row ``i`` is ``bounds[i]:bounds[i + 1]``.
        truncated: bool (rows,).
    """

    __slots__ = ("_offsets", "bounds", "segment_ids", "token_ids", "truncated")

    def __init__(
        self,
        token_ids: np.ndarray,
        segment_ids: np.ndarray,
        offsets: np.ndarray | Callable[[], np.ndarray],
        bounds: np.ndarray,
        truncated: np.ndarray,
    ) -> None:
        self.token_ids = token_ids
        self.segment_ids = segment_ids
        self._offsets = offsets
        self.bounds = bounds
        self.truncated = truncated

    @property
    def offsets(self) -> np.ndarray:
        """int32 (tokens of all rows, 2); see :attr:`Encoding.offsets`."""
        if callable(self._offsets):
            self._offsets = self._offsets()
        return self._offsets

    def encodings(self) -> list[Encoding]:
        """One :class:`Encoding` a row; they share these arrays."""
        return list(map(Encoding, repeat(self), range(len(self.truncated))))


class Encoding:
    """One encoded text or pair: ``[CLS] a [SEP]`` or ``[CLS] a [SEP] b [SEP]``.

    A light view: the encodings of a batch share its arrays.
    """

    __slots__ = ("_row", "_rows")

    def __init__(self, rows: EncodedRows, row: int) -> None:
        self._rows = rows
        self._row = row

    def _view(self, values: np.ndarray) -> np.ndarray:
        bounds = self._rows.bounds
        return values[bounds[self._row] : bounds[self._row + 1]]

    @property
    def token_ids(self) -> np.ndarray:
        """int32 (L,)."""
        return self._view(self._rows.token_ids)

    @property
    def segment_ids(self) -> np.ndarray:
        """int32 (L,): 0 for ``[CLS] a [SEP]``, 1 for ``b [SEP]``."""
        return self._view(self._rows.segment_ids)

    @property
    def offsets(self) -> np.ndarray:
        """int32 (L, 2): first and past-the-last character of each token in its own text as it was given.

        ``(0, 0)`` for special tokens; those of segment 1 refer to the second text.
        """
        return self._view(self._rows.offsets)

    @property
    def truncated(self) -> bool:
        """Whether ``maxlen`` cut tokens off."""
        return bool(self._rows.truncated[self._row])

    def __len__(self) -> int:
        bounds = self._rows.bounds
        return int(bounds[self._row + 1] - bounds[self._row])

    def __repr__(self) -> str:
        return f"Encoding(token_ids={self.token_ids.tolist()}, truncated={self.truncated})"


def pad_encodings(
    encodings: Sequence[Encoding], pad_id: int, *, multiple_of: int = 1, length: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Put encodings under one another, padded on the right.

    Args:
        encodings: n of them, of one batch or of many.
        pad_id: the id that fills up; the segment there is 0.
        multiple_of: the width is rounded up to a multiple of this.
        length: the exact width instead.

    Returns:
        token ids and segment ids, each int32 (n, width).

    Raises:
        InputError: an encoding is longer than ``length``.
    """
    lengths = np.fromiter(map(len, encodings), np.int64, len(encodings))
    longest = int(lengths.max(initial=0))
    if multiple_of < 1:
        raise InputError(f"multiple_of is {multiple_of}; give 1 or more")
    if length is None:
        length = -(-longest // multiple_of) * multiple_of
    elif longest > length:
        row = int(lengths.argmax())
        raise InputError(
            f"row {row} has {longest} tokens, more than length={length}; encode with maxlen={length}"
        )
    token_ids = np.full((len(encodings), length), pad_id, np.int32)
    segment_ids = np.zeros((len(encodings), length), np.int32)
    column = np.arange(length)
    for rows, places in _by_batch(encodings).items():
        where = np.array(places)
        batch_rows = np.array([encodings[place]._row for place in places])
        source = rows.bounds[batch_rows][:, None] + column
        filled = column < lengths[where][:, None]
        target = np.nonzero(filled)
        token_ids[where[target[0]], target[1]] = rows.token_ids[source[filled]]
        segment_ids[where[target[0]], target[1]] = rows.segment_ids[source[filled]]
    return token_ids, segment_ids


def _by_batch(encodings: Sequence[Encoding]) -> dict[EncodedRows, list[int]]:
    batches: dict[EncodedRows, list[int]] = {}
    for place, encoding in enumerate(encodings):
        batches.setdefault(encoding._rows, []).append(place)
    return batches
