"""Batches of stage 1: which pairs stand in which batch of an epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np

from roformer_sim.training.pairs import PairStream, SentencePair
from roformer_sim.training.rows import (
    LENGTH_STEP,
    Batch,
    BatchMaker,
    BatchTask,
    Row,
    RowMaker,
    longest_row,
    make_batch,
    padded_length,
)

__all__ = ["Batch", "Row", "RowMaker", "Stage1Batches", "longest_row", "make_batch", "validation_batches"]

SORTING_WINDOW = 16
"""Batches' worth of pairs that are sorted by length together."""


class Stage1Batches(keras.utils.PyDataset):
    """The batches of one epoch at a time, in an order fixed by seed and epoch.

    Pairs of a window of several batches are sorted by length before they are cut into batches, so
    that little padding is computed; then the batches are shuffled. Batches of questions alone have
    negatives that are harder to tell apart than those of questions and general sentences. The
    longest batch comes first, so that memory runs out at once or not at all.

    Keras's TensorFlow adapter reads which lengths vary off the first two batches and fails at a
    later one of another width; the second is therefore padded further where the two are alike.

    Args:
        stream: Where the pairs come from.
        maker: Makes rows of them.
        batch_rows: Rows of a batch, two a pair.
        steps: Batches of an epoch.
        seed: Of noise and order.
        kind_weights: Factors of the similarity loss on questions and on general sentences; with them a
            batch holds pairs of one kind, without (``None``) of both.
        first_epoch: Epoch to begin with, for resumed runs, counted from 0.
    """

    def __init__(
        self,
        stream: PairStream,
        maker: RowMaker,
        *,
        batch_rows: int,
        steps: int,
        seed: int,
        kind_weights: Sequence[float] | None = None,
        first_epoch: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.stream, self.maker = stream, maker
        self.pairs_per_batch, self.steps, self.seed = batch_rows // 2, steps, seed
        self.kind_weights = (1.0,) if kind_weights is None else kind_weights[: len(stream.training)]
        self.epoch = first_epoch
        self._prepare()

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, index: int) -> tuple[Batch]:
        rows, pad_id = self._rows(index), self.maker.tokenizer.pad_id
        length = padded_length(rows)
        if index == 1 and length == padded_length(self._rows(0)):
            length += LENGTH_STEP
        return (make_batch(rows, pad_id, length, self._batches[index].similarity_weight),)

    def _rows(self, index: int) -> list[Row]:
        task = self.task(index)
        return self.maker.rows(task.pairs, np.random.default_rng(task.seed))

    def task(self, index: int) -> BatchTask:
        """What batch ``index`` of the epoch is made of, for :class:`roformer_sim.training.feeding.Feeder`."""
        batch = self._batches[index]
        return BatchTask(batch.pairs, (self.seed, 3, self.epoch, index), batch.similarity_weight)

    @property
    def make(self) -> BatchMaker:
        """Makes a batch of a task, here or in a worker process."""
        return BatchMaker(self.maker)

    def begin_epoch(self, epoch: int) -> None:
        """Go to an epoch; :class:`roformer_sim.training.callbacks.EpochBatches` does so in ``fit``.

        Not ``on_epoch_end``: Keras calls that before the first epoch as well, and a resumed run would
        see other batches than one that never stopped.
        """
        if epoch != self.epoch:
            self.epoch = epoch
            self._prepare()

    def _prepare(self) -> None:
        count, size = self.steps * self.pairs_per_batch, self.pairs_per_batch
        pairs = self.stream.pairs(self.epoch * count, count)
        window, kinds = SORTING_WINDOW * size, len(self.kind_weights)
        batches = []
        for start in range(0, count, window * kinds):
            for kind, weight in enumerate(self.kind_weights):
                # The stream takes the kinds in turn: every second pair is a question.
                ordered = sorted(pairs[start + kind : start + window * kinds : kinds], key=_length)
                batches += [_Batch(ordered[i : i + size], weight) for i in range(0, len(ordered), size)]
        order = np.random.default_rng((self.seed, 4, self.epoch)).permutation(len(batches))
        batches = [batches[i] for i in order]
        longest = max(range(len(batches)), key=lambda i: sum(map(_length, batches[i].pairs)))
        batches[0], batches[longest] = batches[longest], batches[0]
        self._batches = batches


class _Batch(NamedTuple):
    pairs: list[SentencePair]
    similarity_weight: float


def _length(pair: SentencePair) -> int:
    return len(pair[0]) + len(pair[1])


def validation_batches(
    stream: PairStream,
    maker: RowMaker,
    *,
    batch_rows: int,
    seed: int,
    kind_weights: Sequence[float] | None = None,
) -> list[Batch]:
    """Batches of the held-out pairs, noised once, the same for every epoch and run.

    ``kind_weights`` as for :class:`Stage1Batches`. What does not fill a batch is left out.
    """
    rng = np.random.default_rng((seed, 5))
    kinds = stream.validation_pairs()
    if kind_weights is None:
        kinds, kind_weights = [[pair for pairs in kinds for pair in pairs]], (1.0,)
    size, result = batch_rows // 2, []
    for pairs, weight in zip(kinds, kind_weights, strict=False):
        order = rng.permutation(len(pairs))
        for start in range(0, len(pairs) - size + 1, size):
            rows = maker.rows([pairs[i] for i in order[start : start + size]], rng)
            result.append(make_batch(rows, maker.tokenizer.pad_id, None, weight))
    return result
