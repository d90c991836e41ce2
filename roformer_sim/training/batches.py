"""Rows and batches of stage 1: token ids, segments, and where the target tokens are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np

from roformer_sim.text import Tokenizer, whole_word_noise
from roformer_sim.text.truncation import kept_tokens
from roformer_sim.training.pairs import PairStream, SentencePair

Batch = dict[str, np.ndarray]

LENGTH_STEP = 8
"""Row lengths are rounded up to a multiple of this, so that few shapes are compiled."""

TARGET_STEP = 128
"""The list of target positions is rounded up to a multiple of this."""

SORTING_WINDOW = 16
"""Batches' worth of pairs that are sorted by length together."""


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

    def __init__(self, tokenizer: Tokenizer, *, maxlen: int, noise: float) -> None:
        self.tokenizer, self.maxlen, self.noise = tokenizer, maxlen, noise

    def rows(self, pairs: Sequence[SentencePair], rng: np.random.Generator) -> list[Row]:
        """Two rows a pair, neighbours, in the order of the pairs."""
        directed = [ends for a, b in pairs for ends in ((a, b), (b, a))]
        clean = [e.token_ids[1:-1].tolist() for e in self.tokenizer.encode_batch([a for a, _ in directed])]
        noised = rng.random(len(directed)) < self.noise
        result = []
        for i, (source_text, _) in enumerate(directed):
            source = whole_word_noise(source_text, self.tokenizer, rng) if noised[i] else clean[i]
            result.append(self._row(source, clean[i ^ 1]))
        return result

    def _row(self, source: list[int], target: list[int]) -> Row:
        cls_id, sep_id = self.tokenizer.cls_id, self.tokenizer.sep_id
        kept, kept_target = kept_tokens(np.array([len(source)]), np.array([len(target)]), 2 * self.maxlen)
        assert kept_target is not None
        source, target = source[: kept[0]], target[: kept_target[0]]
        return Row([cls_id, *source, sep_id, *target, sep_id], len(source) + 2)


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
        rng = np.random.default_rng((self.seed, 3, self.epoch, index))
        return self.maker.rows(self._batches[index].pairs, rng)

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
