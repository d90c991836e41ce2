"""The arrays of a batch: token ids, segments, targets, and what the objectives ask for.

No Keras here: worker processes import this file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.training.false_negatives import same_sentences
from roformer_sim.training.rows import BatchMaker, MadeRows, Row

Batch = dict[str, np.ndarray]


class Rounding(NamedTuple):
    """What the lengths of a batch's arrays are rounded up to, so that few shapes are compiled.

    Attributes:
        length: Row lengths are multiples of this.
        targets: So is the list of target positions; each of k parts is of a k-th of it.
    """

    length: int = 8
    targets: int = 128


COARSE = Rounding()
"""Where the step as a whole is compiled for every shape (JAX)."""

FINE = Rounding(length=4, targets=32)
"""Where another shape costs next to nothing (TensorFlow)."""


def longest_row(maxlen: int, sentences: int = 2, rounding: Rounding = COARSE) -> int:
    """Most tokens of a row of a batch, padding included, where a sentence has ``maxlen``."""
    return _round_up(sentences * maxlen, rounding.length)


def make_batch(
    rows: Sequence[Row],
    pad_id: int,
    *,
    similarity_weight: float = 1.0,
    copies: int = 1,
    parts: int = 1,
    rounding: Rounding = COARSE,
) -> Batch:
    """Arrays of one batch.

    Args:
        rows: Their sequences.
        pad_id: [PAD], which fills the rows up.
        similarity_weight: Factor of the batch's in-batch loss.
        copies: 2 where rows 2i and 2i + 1 are equal: targets of the even rows then fill the first half of
            the list and those of the odd rows the second, so that the two passes of a target stand n / 2
            apart.
        parts: Blocks of consecutive rows that will be in memory one at a time
            (:mod:`roformer_sim.training.grad_cache`); the list is then that of the first block, that of the
            second ..., all of one length, each with its copies in order.

    Returns:
        ``token_ids``, ``segment_ids`` int32 (rows, length); ``positions`` int32 (n,), indices into
        rows x length of the positions before each target token, or of the masked tokens; ``targets`` int32
        (n,); ``weights`` float32 (n,), 1 for tokens to be generated, ``mlm_weights`` for tokens to be
        restored, both 0 where the list is filled up; ``similarity_weights`` float32 (rows,).

    Raises:
        InputError: The rows, or the pairs of equal ones, are not a multiple of ``parts``.
    """
    if len(rows) % (parts * copies):
        raise InputError(f"{len(rows)} rows cannot be cut into {parts} parts of {copies} passes each")
    length = _round_up(max(len(row.token_ids) for row in rows), rounding.length)
    token_ids = np.full((len(rows), length), pad_id, np.int32)
    segment_ids = np.zeros((len(rows), length), np.int32)
    restored = np.full((len(rows), length), -1, np.int32)
    for i, row in enumerate(rows):
        token_ids[i, : len(row.token_ids)] = row.token_ids
        segment_ids[i, row.source : len(row.token_ids)] = 1
        for place, token in row.restored:
            restored[i, place] = token
    blocks = np.arange(len(rows)).reshape(parts, -1)
    lists = [
        _targets(token_ids, segment_ids, restored, block[copy::copies])
        for block in blocks
        for copy in range(copies)
    ]
    step = max(rounding.length, rounding.targets // parts)
    count = _round_up(max(len(one.positions) for one in lists), step)
    filled = [one.filled_up(count) for one in lists]
    return {
        "token_ids": token_ids,
        "segment_ids": segment_ids,
        **{key: np.concatenate([one[key] for one in filled]) for key in filled[0]},
        "similarity_weights": np.full(len(rows), similarity_weight, np.float32),
    }


class _Targets(NamedTuple):
    """The list of targets of some rows: first the ``generated`` ones, then those to be restored.

    ``filler`` is the position of their first token, which what fills the list up points at.
    """

    positions: np.ndarray
    tokens: np.ndarray
    generated: int
    filler: int

    def filled_up(self, count: int) -> Batch:
        """The arrays of :func:`make_batch`, ``count`` long."""
        positions, targets = np.full(count, self.filler, np.int32), np.zeros(count, np.int32)
        used = len(self.positions)
        positions[:used], targets[:used] = self.positions, self.tokens
        index = np.arange(count)
        return {
            "positions": positions,
            "targets": targets,
            "weights": (index < self.generated).astype(np.float32),
            "mlm_weights": ((index >= self.generated) & (index < used)).astype(np.float32),
        }


def _targets(
    token_ids: np.ndarray, segment_ids: np.ndarray, restored: np.ndarray, chosen: np.ndarray
) -> _Targets:
    row, place = np.nonzero(segment_ids[chosen])
    masked_row, masked_place = np.nonzero(restored[chosen] >= 0)
    width = token_ids.shape[1]
    flat = np.concatenate([chosen[row] * width + place - 1, chosen[masked_row] * width + masked_place])
    tokens = np.concatenate([token_ids[chosen[row], place], restored[chosen[masked_row], masked_place]])
    return _Targets(flat, tokens, len(row), int(chosen[0]) * width)


def _round_up(value: int, step: int) -> int:
    return max(1, -(-value // step)) * step


class BatchTask(NamedTuple):
    """What a batch is made of; all that a worker is sent."""

    items: Sequence[Any]
    seed: tuple[int, ...]
    similarity_weight: float = 1.0


@dataclass(frozen=True)
class Assembler:
    """Makes the batch of a task; the same one wherever it is called.

    Args:
        maker: Makes the rows.
        mask_false_negatives: Adds ``same`` bool (rows, rows), see :func:`same_sentences`; otherwise rows
            are the same as themselves alone.
        teacher: Adds ``teacher`` float32 (rows, d), its vectors of the sentences before noise.
        sub_batches: Parts of :func:`make_batch`.
        rounding: Of the same.
    """

    maker: BatchMaker
    mask_false_negatives: bool = True
    teacher: Callable[[list[str]], np.ndarray] | None = None
    sub_batches: int = 1
    rounding: Rounding = COARSE

    def __call__(self, task: BatchTask) -> Batch:
        """The arrays of :func:`make_batch`, those of the maker, and what was asked for."""
        made = self.maker.make(task.items, np.random.default_rng(task.seed))
        pad_id, weight = self.maker.tokenizer.pad_id, task.similarity_weight
        batch = make_batch(
            made.rows,
            pad_id,
            similarity_weight=weight,
            copies=made.copies,
            parts=self.sub_batches,
            rounding=self.rounding,
        )
        batch |= made.arrays
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
