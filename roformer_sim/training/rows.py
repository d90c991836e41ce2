"""Rows of stage 1 and the arrays of a batch: token ids, segments, and where the target tokens are.

No Keras here: worker processes import this file.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from roformer_sim.text import Tokenizer, whole_word_noise_batch
from roformer_sim.text.truncation import kept_tokens
from roformer_sim.text.words import Segmenter

if TYPE_CHECKING:
    from roformer_sim.training.pairs import SentencePair

Batch = dict[str, np.ndarray]

LENGTH_STEP = 8
"""Row lengths are rounded up to a multiple of this, so that few shapes are compiled."""

TARGET_STEP = 128
"""The list of target positions is rounded up to a multiple of this."""


class Row(NamedTuple):
    """One sequence ``[CLS] source [SEP] target [SEP]``; the first ``source`` tokens are segment 0."""

    token_ids: list[int]
    source: int


class RowMaker:
    """Turns a pair (a, b) into the rows a -> b and b -> a.

    With probability ``noise`` a row's source is noised by whole words (BART-style, RoFormer-Sim);
    the target is the similar sentence and stays clean. Rows are truncated to ``2 * maxlen`` tokens,
    from the longer side.
    """

    def __init__(
        self, tokenizer: Tokenizer, *, maxlen: int, noise: float, segmenter: Segmenter = "jieba"
    ) -> None:
        self.tokenizer, self.maxlen, self.noise, self.segmenter = tokenizer, maxlen, noise, segmenter

    def rows(self, pairs: Sequence[SentencePair], rng: np.random.Generator) -> list[Row]:
        """Two rows a pair, neighbours, in the order of the pairs."""
        texts = [text for pair in pairs for text in pair]
        encoded = self.tokenizer.encode_rows(texts)
        flat, bounds = encoded.token_ids.tolist(), encoded.bounds.tolist()
        clean = [flat[start + 1 : stop - 1] for start, stop in pairwise(bounds)]
        sources = list(clean)
        noised = np.flatnonzero(rng.random(len(texts)) < self.noise).tolist()
        changed = whole_word_noise_batch(
            [texts[i] for i in noised], self.tokenizer, rng, segmenter=self.segmenter
        )
        for i, ids in zip(noised, changed, strict=True):
            sources[i] = ids
        lengths = np.fromiter(map(len, clean), np.int64, len(clean))
        partners = np.arange(len(clean)) ^ 1
        kept, kept_target = kept_tokens(lengths, lengths[partners], 2 * self.maxlen)
        assert kept_target is not None
        cls_id, sep_id = self.tokenizer.cls_id, self.tokenizer.sep_id
        return [
            Row([cls_id, *sources[i][:source], sep_id, *clean[i ^ 1][:target], sep_id], source + 2)
            for i, (source, target) in enumerate(zip(kept.tolist(), kept_target.tolist(), strict=True))
        ]


def padded_length(rows: Sequence[Row]) -> int:
    """The longest row, rounded up to a multiple of ``LENGTH_STEP``."""
    return _round_up(max(len(row.token_ids) for row in rows), LENGTH_STEP)


def longest_row(maxlen: int) -> int:
    """Most tokens of a row of a batch, padding included, where a sentence has ``maxlen``."""
    return _round_up(2 * maxlen, LENGTH_STEP) + LENGTH_STEP


def make_batch(
    rows: Sequence[Row], pad_id: int, length: int | None = None, similarity_weight: float = 1.0
) -> Batch:
    """Arrays of one batch.

    Args:
        rows: Their sequences.
        pad_id: [PAD], which fills the rows up.
        length: Width of the batch; ``None`` means :func:`padded_length`.
        similarity_weight: Factor of the batch's similarity loss.

    Returns:
        ``token_ids``, ``segment_ids`` int32 (rows, length); ``positions`` int32 (n,), indices into
        rows x length of the positions before each target token; ``targets`` int32 (n,);
        ``weights`` float32 (n,), 0 where the list is filled up; ``similarity_weights`` float32 (rows,).
    """
    length = padded_length(rows) if length is None else length
    token_ids = np.full((len(rows), length), pad_id, np.int32)
    segment_ids = np.zeros((len(rows), length), np.int32)
    for i, row in enumerate(rows):
        token_ids[i, : len(row.token_ids)] = row.token_ids
        segment_ids[i, row.source : len(row.token_ids)] = 1
    is_target = np.flatnonzero(segment_ids)
    count = _round_up(len(is_target), TARGET_STEP)
    positions, targets = np.zeros(count, np.int32), np.zeros(count, np.int32)
    positions[: len(is_target)] = is_target - 1
    targets[: len(is_target)] = token_ids.reshape(-1)[is_target]
    weights = (np.arange(count) < len(is_target)).astype(np.float32)
    return {
        "token_ids": token_ids,
        "segment_ids": segment_ids,
        "positions": positions,
        "targets": targets,
        "weights": weights,
        "similarity_weights": np.full(len(rows), similarity_weight, np.float32),
    }


def _round_up(value: int, step: int) -> int:
    return max(1, -(-value // step)) * step


class BatchTask(NamedTuple):
    """What a batch is made of; all that a worker is sent."""

    pairs: list[SentencePair]
    seed: tuple[int, ...]
    similarity_weight: float


class BatchMaker:
    """Makes the batch of a task; the same one wherever it is called."""

    def __init__(self, maker: RowMaker) -> None:
        self.maker = maker

    def __call__(self, task: BatchTask) -> Batch:
        rows = self.maker.rows(task.pairs, np.random.default_rng(task.seed))
        return make_batch(rows, self.maker.tokenizer.pad_id, None, task.similarity_weight)
