"""Arrays of a batch, and which batches an epoch has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
import numpy as np

from roformer_sim.training.drawing import Stream
from roformer_sim.training.false_negatives import same_sentences
from roformer_sim.training.rows import BatchMaker, MadeRows, Row

Batch = dict[str, np.ndarray]

LENGTH_STEP = 8
"""Row lengths are rounded up to a multiple of this, so that few shapes are compiled."""

TARGET_STEP = 128
"""The list of target positions is rounded up to a multiple of this."""

SORTING_WINDOW = 16
"""Batches' worth of items that are sorted by length together."""


def padded_length(rows: Sequence[Row]) -> int:
    """The longest row, rounded up to a multiple of ``LENGTH_STEP``."""
    return _round_up(max(len(row.token_ids) for row in rows), LENGTH_STEP)


def longest_row(maxlen: int) -> int:
    """Most tokens of a row of a batch, padding included, where a sentence has ``maxlen``."""
    return _round_up(2 * maxlen, LENGTH_STEP) + LENGTH_STEP


def make_batch(
    rows: Sequence[Row],
    pad_id: int,
    length: int | None = None,
    similarity_weight: float = 1.0,
    copies: int = 1,
) -> Batch:
    """Arrays of one batch.

    Args:
        rows: Their sequences.
        pad_id: [PAD], which fills the rows up.
        length: Width of the batch; ``None`` means :func:`padded_length`.
        similarity_weight: Factor of the batch's in-batch loss.
        copies: 2 where rows 2i and 2i + 1 are equal: targets of the even rows then fill the first half of
            the list and those of the odd rows the second, so that the two passes of a target stand n / 2
            apart.

    Returns:
        ``token_ids``, ``segment_ids`` int32 (rows, length); ``positions`` int32 (n,), indices into
        rows x length of the positions before each target token, or of the masked tokens; ``targets`` int32
        (n,); ``weights`` float32 (n,), 1 for tokens to be generated, ``mlm_weights`` for tokens to be
        restored, both 0 where the list is filled up; ``similarity_weights`` float32 (rows,).
    """
    length = padded_length(rows) if length is None else length
    token_ids = np.full((len(rows), length), pad_id, np.int32)
    segment_ids = np.zeros((len(rows), length), np.int32)
    restored = np.full((len(rows), length), -1, np.int32)
    for i, row in enumerate(rows):
        token_ids[i, : len(row.token_ids)] = row.token_ids
        segment_ids[i, row.source : len(row.token_ids)] = 1
        for place, token in row.restored:
            restored[i, place] = token
    parts = [
        _targets(token_ids, segment_ids, restored, np.arange(c, len(rows), copies)) for c in range(copies)
    ]
    return {
        "token_ids": token_ids,
        "segment_ids": segment_ids,
        **{key: np.concatenate([part[key] for part in parts]) for key in parts[0]},
        "similarity_weights": np.full(len(rows), similarity_weight, np.float32),
    }


def _targets(
    token_ids: np.ndarray, segment_ids: np.ndarray, restored: np.ndarray, chosen: np.ndarray
) -> Batch:
    """The list of targets of some rows."""
    row, place = np.nonzero(segment_ids[chosen])
    masked_row, masked_place = np.nonzero(restored[chosen] >= 0)
    width, generated = token_ids.shape[1], len(row)
    flat = np.concatenate([chosen[row] * width + place - 1, chosen[masked_row] * width + masked_place])
    tokens = np.concatenate([token_ids[chosen[row], place], restored[chosen[masked_row], masked_place]])
    count = _round_up(len(flat), TARGET_STEP)
    positions, targets = np.zeros(count, np.int32), np.zeros(count, np.int32)
    positions[: len(flat)], targets[: len(flat)] = flat, tokens
    index = np.arange(count)
    return {
        "positions": positions,
        "targets": targets,
        "weights": (index < generated).astype(np.float32),
        "mlm_weights": ((index >= generated) & (index < len(flat))).astype(np.float32),
    }


def _round_up(value: int, step: int) -> int:
    return max(1, -(-value // step)) * step


@dataclass(frozen=True)
class Assembler:
    """Puts made rows and what the objectives ask for into the arrays of a batch.

    Args:
        maker: Makes the rows.
        mask_false_negatives: Adds ``same`` bool (rows, rows), see :func:`same_sentences`; otherwise rows
            are the same as themselves alone.
        teacher: Adds ``teacher`` float32 (rows, d), its vectors of the sentences before noise.
    """

    maker: BatchMaker
    mask_false_negatives: bool = True
    teacher: Callable[[list[str]], np.ndarray] | None = None

    def batch(self, made: MadeRows, length: int | None = None, similarity_weight: float = 1.0) -> Batch:
        """The arrays of :func:`make_batch`, those of ``made``, and what was asked for."""
        pad_id = self.maker.tokenizer.pad_id
        batch = make_batch(made.rows, pad_id, length, similarity_weight, made.copies) | made.arrays
        if "partners" in made.arrays:
            batch["same"] = (
                same_sentences(made.texts, made.groups) if self.mask_false_negatives else _own_rows(made)
            )
        if self.teacher is not None:
            batch["teacher"] = self.teacher(made.texts)
        return batch


def _own_rows(made: MadeRows) -> np.ndarray:
    """A row is the same as itself; where rows stand twice, the four of a pair are the same."""
    size = 1 if made.copies == 1 else 2 * made.copies
    return np.kron(np.eye(len(made.rows) // size), np.ones((size, size))).astype(bool)


class Batches(keras.utils.PyDataset):
    """The batches of one epoch at a time, in an order fixed by seed and epoch.

    Items of a window of several batches are sorted by length before they are cut into batches, so
    that little padding is computed; then the batches are shuffled. Batches of questions alone have
    negatives that are harder to tell apart than those of questions and general sentences. The
    longest batch comes first, so that memory runs out at once or not at all.

    Keras's TensorFlow adapter reads which lengths vary off the first two batches and fails at a
    later one of another width; the second is therefore padded further where the two are alike.

    Args:
        stream: Where the items come from.
        assembler: Makes batches of them.
        items: Items of a batch.
        steps: Batches of an epoch.
        seed: Of noise and order.
        kind_weights: Factors of the in-batch loss on items of each kind; with them a batch holds
            items of one kind, without (``None``) of all.
        first_epoch: Epoch to begin with, for resumed runs, counted from 0.
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
        first_epoch: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.stream, self.assembler = stream, assembler
        self.items, self.steps, self.seed = items, steps, seed
        self.kind_weights = (1.0,) if kind_weights is None else kind_weights[: len(stream.sizes)]
        self.epoch = first_epoch
        self._prepare()

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, index: int) -> tuple[Batch]:
        made = self._made(index)
        length = padded_length(made.rows)
        if index == 1 and length == padded_length(self._made(0).rows):
            length += LENGTH_STEP
        return (self.assembler.batch(made, length, self._batches[index].similarity_weight),)

    def _made(self, index: int) -> MadeRows:
        rng = np.random.default_rng((self.seed, 3, self.epoch, index))
        return self.assembler.maker.make(self._batches[index].items, rng)

    def begin_epoch(self, epoch: int) -> None:
        """Go to an epoch; :class:`roformer_sim.training.callbacks.EpochBatches` does so in ``fit``.

        Not ``on_epoch_end``: Keras calls that before the first epoch as well, and a resumed run would
        see other batches than one that never stopped.
        """
        if epoch != self.epoch:
            self.epoch = epoch
            self._prepare()

    def _prepare(self) -> None:
        count, size = self.steps * self.items, self.items
        drawn = self.stream.draw(self.epoch * count, count)
        window, kinds = SORTING_WINDOW * size, len(self.kind_weights)
        batches = []
        for start in range(0, count, window * kinds):
            for kind, weight in enumerate(self.kind_weights):
                # The stream takes the kinds in turn: every second pair is a question.
                part = drawn[start + kind : start + window * kinds : kinds]
                ordered = sorted(part, key=self.assembler.maker.length)
                batches += [_Planned(ordered[i : i + size], weight) for i in range(0, len(ordered), size)]
        order = np.random.default_rng((self.seed, 4, self.epoch)).permutation(len(batches))
        batches = [batches[i] for i in order]
        longest = max(range(len(batches)), key=lambda i: self._characters(batches[i]))
        batches[0], batches[longest] = batches[longest], batches[0]
        self._batches = batches

    def _characters(self, batch: _Planned) -> int:
        return sum(map(self.assembler.maker.length, batch.items))


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
    """Batches of the held-out items, noised once, the same for every epoch and run.

    ``kind_weights`` as for :class:`Batches`. What does not fill a batch is left out.
    """
    rng = np.random.default_rng((seed, 5))
    kinds = stream.held_out_items()
    if kind_weights is None:
        kinds, kind_weights = [[item for kind in kinds for item in kind]], (1.0,)
    result = []
    for held_out, weight in zip(kinds, kind_weights, strict=False):
        order = rng.permutation(len(held_out))
        for start in range(0, len(held_out) - items + 1, items):
            made = assembler.maker.make([held_out[i] for i in order[start : start + items]], rng)
            result.append(assembler.batch(made, None, weight))
    return result
