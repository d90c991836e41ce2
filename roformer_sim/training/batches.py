"""Which items stand in which batch of an epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from roformer_sim.training.arrays import Assembler, Batch, BatchTask
from roformer_sim.training.drawing import Stream

SORTING_WINDOW = 128
"""Batches' worth of items that are sorted by length together."""


class Batches:
    """The batches of one epoch at a time, in an order fixed by seed and epoch.

    Items of a window of several batches are sorted by length before they are cut into batches, so
    that little padding is computed; then the batches are shuffled. Batches of questions alone have
    negatives that are harder to tell apart than those of questions and general sentences. The
    longest batch comes first, so that memory runs out at once or not at all.

    A source of :class:`roformer_sim.training.feeding.Feeder`.

    Args:
        stream: Where the items come from.
        assembler: Makes batches of them.
        items: Items of a batch.
        steps: Batches of an epoch.
        seed: Of noise and order.
        kind_weights: Factors of the in-batch loss on items of each kind; with them a batch holds
            items of one kind, without (``None``) of all.
    """

    def __init__(
        self,
        stream: Stream,
        assembler: Assembler,
        *,
        items: int,
        steps: int,
        seed: int,
        kind_weights: Sequence[float] | None = None,
    ) -> None:
        self.stream, self.make = stream, assembler
        self.items, self.steps, self.seed = items, steps, seed
        self.kind_weights = (1.0,) if kind_weights is None else kind_weights[: len(stream.sizes)]
        self._epoch: int | None = None
        self._batches: list[_Planned] = []

    def __len__(self) -> int:
        return self.steps

    def task(self, index: int) -> BatchTask:
        """What batch ``index`` of the epoch is made of."""
        batch = self._batches[index]
        assert self._epoch is not None
        return BatchTask(batch.items, (self.seed, 3, self._epoch, index), batch.similarity_weight)

    def begin_epoch(self, epoch: int) -> None:
        """Plan an epoch, counted from 0; what stands in it depends on no other."""
        if epoch != self._epoch:
            self._epoch = epoch
            self._prepare(epoch)

    def _prepare(self, epoch: int) -> None:
        count, size = self.steps * self.items, self.items
        drawn = self.stream.draw(epoch * count, count)
        window, kinds = SORTING_WINDOW * size, len(self.kind_weights)
        batches = []
        for start in range(0, count, window * kinds):
            for kind, weight in enumerate(self.kind_weights):
                # The stream takes the kinds in turn: every second pair is a question.
                part = drawn[start + kind : start + window * kinds : kinds]
                ordered = sorted(part, key=self.make.maker.length)
                batches += [_Planned(ordered[i : i + size], weight) for i in range(0, len(ordered), size)]
        order = np.random.default_rng((self.seed, 4, epoch)).permutation(len(batches))
        batches = [batches[i] for i in order]
        longest = max(range(len(batches)), key=lambda i: self._characters(batches[i]))
        batches[0], batches[longest] = batches[longest], batches[0]
        self._batches = batches

    def _characters(self, batch: _Planned) -> int:
        return sum(map(self.make.maker.length, batch.items))


class _Planned(NamedTuple):
    items: list[Any]
    similarity_weight: float


def validation_batches(
    stream: Stream,
    assembler: Assembler,
    *,
    items: int,
    seed: int,
    kind_weights: Sequence[float] | None = None,
) -> list[Batch]:
    """Batches of the held-out items, noised once, the same for every epoch and run of one seed.

    ``kind_weights`` as for :class:`Batches`. What does not fill a batch is left out.
    """
    kinds = stream.held_out_items()
    if kind_weights is None:
        kinds, kind_weights = [[item for kind in kinds for item in kind]], (1.0,)
    result: list[Batch] = []
    for kind, (held_out, weight) in enumerate(zip(kinds, kind_weights, strict=False)):
        order = np.random.default_rng((seed, 5, kind)).permutation(len(held_out))
        for start in range(0, len(held_out) - items + 1, items):
            chosen = [held_out[i] for i in order[start : start + items]]
            result.append(assembler(BatchTask(chosen, (seed, 6, kind, start), weight)))
    return result
