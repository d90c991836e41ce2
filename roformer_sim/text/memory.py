"""The tokens of stretches of text that have been tokenized before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain, repeat
from threading import Lock
from typing import NamedTuple

import numpy as np

Pieces = tuple[Sequence[int], ...]
"""Tokens of one stretch of text: ids, and where wanted starts and ends, counted from its first character."""


class StretchMemory:
    """Remembers the tokens of every stretch (a Latin word, a number, a jieba word) it was asked for.

    The tokens lie end to end in arrays, so that those of a million stretches are gathered in a few array
    operations. Safe to use from several threads.

    Args:
        tokenize: gives the tokens of stretches not seen before.
        columns: how many sequences of integers these tokens are: 1 (ids) or 3 (ids, starts, ends).
        limit: characters remembered, each stretch counting 32 more; the call after it is passed begins a new
            memory. The default is some 200,000 words and 50 MB.
    """

    def __init__(
        self,
        tokenize: Callable[[Sequence[str]], Sequence[Pieces]],
        *,
        columns: int = 3,
        limit: int = 8_000_000,
    ) -> None:
        self._tokenize = tokenize
        self._columns = columns
        self._limit = limit
        self._size = 0
        self._lock = Lock()
        self._index: dict[str, int] = {}
        self._table = StretchTable.empty(columns)

    def look_up(self, stretches: Sequence[str]) -> tuple[np.ndarray, StretchTable]:
        """The entry of each stretch, int64 (stretches,), and the table the entries refer to."""
        index = self._index
        which = np.fromiter(map(index.get, stretches, repeat(-1)), np.int64, len(stretches))
        if (which < 0).any():
            return self._learn(stretches)
        # Read after the look-up: a table only grows, unless it is replaced together with its index.
        table = self._table
        return (which, table) if index is self._index else self._learn(stretches)

    def _learn(self, stretches: Sequence[str]) -> tuple[np.ndarray, StretchTable]:
        with self._lock:
            if self._size > self._limit:
                self._size, self._index, self._table = 0, {}, StretchTable.empty(self._columns)
            index = self._index
            new = [stretch for stretch in dict.fromkeys(stretches) if stretch not in index]
            self._table = self._table.extended(self._tokenize(new))
            self._size += sum(map(len, new)) + 32 * len(new)
            index.update(zip(new, range(len(index), len(index) + len(new)), strict=True))
            which = np.fromiter(map(index.__getitem__, stretches), np.int64, len(stretches))
            return which, self._table


class StretchTable(NamedTuple):
    """Tokens of many stretches end to end: entry ``e`` has ``counts[e]`` of them from ``begins[e]`` on.

    ``columns``: int32 (1 or 3, room): ids, starts, ends; ``begins``, ``counts``: int64 (room,). ``used``
    tells how many entries and how many tokens are filled in; the rest is room to grow without copying.
    """

    columns: np.ndarray
    begins: np.ndarray
    counts: np.ndarray
    used: tuple[int, int]

    @classmethod
    def empty(cls, columns: int) -> StretchTable:
        """A table without entries."""
        return cls(
            np.zeros((columns, 1024), np.int32), np.zeros(512, np.int64), np.zeros(512, np.int64), (0, 0)
        )

    def extended(self, pieces: Sequence[Pieces]) -> StretchTable:
        """This table with more entries; what was in it stays where it is."""
        counts = np.fromiter((len(piece[0]) for piece in pieces), np.int64, len(pieces))
        entries, tokens = self.used
        last_entry, last_token = entries + len(pieces), tokens + int(counts.sum())
        grown = StretchTable(
            _with_room(self.columns, last_token),
            _with_room(self.begins, last_entry),
            _with_room(self.counts, last_entry),
            (last_entry, last_token),
        )
        grown.counts[entries:last_entry] = counts
        grown.begins[entries:last_entry] = tokens + np.cumsum(counts) - counts
        for row, column in enumerate(zip(*pieces, strict=True)):
            flat = np.fromiter(chain.from_iterable(column), np.int32, last_token - tokens)
            grown.columns[row, tokens:last_token] = flat
        return grown


def _with_room(values: np.ndarray, needed: int) -> np.ndarray:
    room = values.shape[-1]
    if needed <= room:
        return values
    grown = np.zeros((*values.shape[:-1], max(needed, 2 * room)), values.dtype)
    grown[..., :room] = values
    return grown
