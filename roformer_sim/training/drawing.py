"""Endless draws from a corpus: every item once a pass, in an order that seed and pass decide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np

from corpus_builder.errors import InputError
from corpus_builder.exclusion import Exclusion
from corpus_builder.readers import find_inputs
from corpus_builder.rows import Triple
from corpus_builder.segmentation import cut_to_length

T = TypeVar("T")

CUT, EXCLUDED = "texts cut to their first piece", "texts of benchmarks left out"

_ORDERS: dict[tuple[int, int, int], np.ndarray] = {}


def place_in_pass(size: int, seed: int, index: int) -> int:
    """Which of ``size`` items is the ``index``-th of an endless stream.

    Each pass takes the items in a new random order. The result depends on size, seed and index alone, so a
    resumed run goes on where it stopped.
    """
    passes, place = divmod(index, size)
    key = (size, seed, passes)
    if key not in _ORDERS:
        if len(_ORDERS) > 8:
            _ORDERS.clear()
        _ORDERS[key] = np.random.default_rng((seed, 0, passes)).permutation(size)
    return int(_ORDERS[key][place])


class Stream(Protocol):
    """Where the items of batches come from: pairs, texts, triples. Kinds of items take turns."""

    @property
    def losses(self) -> Mapping[str, int]:
        """What of the files is not trained on, in words, and how often."""

    @property
    def sizes(self) -> list[int]:
        """Training items (or sets of similar texts) of each kind."""

    def draw(self, start: int, count: int) -> list[Any]:
        """Training items ``start`` to ``start + count`` of the endless stream; kinds take turns."""

    def texts(self) -> Iterator[str]:
        """Every sentence that may come up, held-out ones too; equal ones may come again."""

    def held_out_items(self) -> list[list[Any]]:
        """Items kept for validation, of each kind, always the same."""


class Cutter:
    """Texts as they are trained on: long ones cut to their first piece, those of a benchmark left out.

    Args:
        maxlen: Texts longer than about 1.2 times as many characters are cut at sentence marks.
        exclude: Files whose texts must not be trained on; compared after normalisation, whole and cut.

    Attributes:
        losses: How often each so far.
    """

    def __init__(self, maxlen: int, exclude: Sequence[str] = ()) -> None:
        self.maxlen, self.losses = maxlen, Counter[str]()
        self._exclusion = Exclusion.from_files(find_inputs(exclude)) if exclude else None

    def __call__(self, *texts: str) -> list[str]:
        """The pieces of those texts that stay."""
        pieces = [(text, *cut_to_length(text, self.maxlen)) for text in texts]
        self.losses[CUT] += sum(len(found) > 2 for found in pieces)
        return [found[1] for found in pieces if found[1] and self.keeps(*found[:2])]

    def keeps(self, *texts: str) -> bool:
        """Whether none of these, forms of one text, is excluded; one that is, is counted."""
        if self._exclusion is None or not any(text in self._exclusion for text in texts):
            return True
        self.losses[EXCLUDED] += 1
        return False


def split_off(items: Sequence[T], held_out: int, kind: int, where: str) -> tuple[list[T], list[T]]:
    """Items for training and ``held_out`` ones for validation, the same for every seed.

    A run that goes on from another is so not validated on what that one learned.

    Raises:
        InputError: too few items.
    """
    if len(items) < held_out + 2:
        raise InputError(
            f"{where}: {len(items)} usable sets are too few to hold out {held_out}; "
            "lower data.held_out or give more text"
        )
    order = np.random.default_rng((0, 2, kind)).permutation(len(items))
    shuffled = [items[i] for i in order]
    return shuffled[held_out:], shuffled[:held_out]


class ItemStream:
    """A :class:`Stream` of ready items, one list a kind.

    Args:
        kinds: Training items of each kind.
        held_out: Validation items of each kind.
        seed: Decides the order of every pass.
        losses: What was left out before.
    """

    def __init__(
        self,
        kinds: Sequence[Sequence[Any]],
        held_out: Sequence[Sequence[Any]],
        seed: int,
        losses: Mapping[str, int],
    ) -> None:
        self._kinds, self._held_out, self._seed = list(kinds), [list(items) for items in held_out], seed
        self.losses = losses

    @property
    def sizes(self) -> list[int]:
        return [len(items) for items in self._kinds]

    def draw(self, start: int, count: int) -> list[Any]:
        kinds, drawn = len(self._kinds), []
        for k in range(start, start + count):
            items = self._kinds[k % kinds]
            drawn.append(items[place_in_pass(len(items), self._seed * 2 + k % kinds, k // kinds)])
        return drawn

    def texts(self) -> Iterator[str]:
        return (
            text for items in (*self._kinds, *self._held_out) for item in items for text in sentences_of(item)
        )

    def held_out_items(self) -> list[list[Any]]:
        return self._held_out


def sentences_of(item: Any) -> tuple[str, ...]:
    """The sentences of an item in the order of its rows: a text twice, a pair, a triple."""
    if isinstance(item, str):
        return item, item
    if isinstance(item, Triple):
        return item.anchor, item.positive, item.negative
    return item.a, item.b
