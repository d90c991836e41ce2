"""Decoding on a CPU by the native network, in float32 or int8."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.generation.engines.base import Engine, GrowingDecoding
from roformer_sim.models.config import ModelConfig
from roformer_sim.native import NativeNetwork, Precision
from roformer_sim.native.attention import SEGMENT, Own, Sources

TOKENS = 1024
"""Of sources read together."""


class NativeEngine(Engine):
    """Everything compiled for this processor: products of matrices, attention and draws.

    Args:
        network: Its weights are those of the time it was packed.

    Decodings of one engine may go on in several threads; their steps take turns, each with all cores.

    Example:
        >>> engine = NativeEngine.of(network.config, network.weights(), "int8")
        >>> decoding, scores = engine.begin([tokenizer.encode("广州和深圳哪个好？").token_ids], [20])
        >>> scores.shape
        (1, 12000)
        >>> decoding.step(scores.argmax(-1).repeat(20)).shape
        (20, 12000)
    """

    def __init__(self, network: NativeNetwork) -> None:
        self.network, self.config = network, network.config
        self.name = f"native-{network.precision}"

    @classmethod
    def of(
        cls,
        config: ModelConfig,
        weights: Mapping[str, np.ndarray],
        precision: Precision = "float32",
        threads: int | None = None,
    ) -> NativeEngine:
        """Of a network's weights.

        Raises:
            InputError: See :class:`NativeNetwork`.
        """
        return cls(NativeNetwork(config, weights, precision, threads))

    def begin(
        self, sources: Sequence[Sequence[int]], rows: Sequence[int]
    ) -> tuple[GrowingDecoding, np.ndarray]:
        """See :meth:`Engine.begin`.

        Raises:
            InputError: No source, an empty one, one without a row, a token outside the vocabulary,
                more tokens than a BERT network has positions.
        """
        decoding = _NativeDecoding(self.network)
        return decoding, decoding.extend(sources, rows)

    def spread(self, function: Callable[..., None], rows: int, *arguments: Any) -> None:
        """See :meth:`Engine.spread`."""
        self.network.spread(function, rows, *arguments)


class _NativeDecoding(GrowingDecoding):
    """Rows name their source and a slot; to select is to change which slot a row has."""

    def __init__(self, network: NativeNetwork) -> None:
        self._network = network
        self._memory: list[np.ndarray] = []
        self._keys, self._values, self._lengths = (np.empty(0, np.int64) for _ in range(3))
        self._of_row, self._slots, self._ages = (np.empty(0, np.int64) for _ in range(3))
        self._slots_made = 0
        self._segments: list[np.ndarray] = []

    def extend(self, sources: Sequence[Sequence[int]], rows: Sequence[int]) -> np.ndarray:
        _check(sources, rows)
        scores = [self._read(sources[begin:end]) for begin, end in pairwise(_parts(sources))]
        first = len(self._lengths) - len(sources)
        of_new = np.repeat(np.arange(first, len(self._lengths)), rows)
        free = self._free_slots(len(of_new))
        self._of_row = np.concatenate([self._of_row, of_new])
        self._slots = np.concatenate([self._slots, free])
        self._ages = np.concatenate([self._ages, np.zeros(len(of_new), np.int64)])
        return np.concatenate(scores) if len(scores) > 1 else scores[0]

    def _read(self, sources: Sequence[Sequence[int]]) -> np.ndarray:
        with self._network.lock:
            kept = self._network.read(sources, keep=True, wanted="last")
            scores = self._network.scores(np.arange(len(sources)))
        self._memory += kept.memory
        self._keys = np.concatenate([self._keys, kept.keys])
        self._values = np.concatenate([self._values, kept.values])
        self._lengths = np.concatenate([self._lengths, kept.lengths])
        return scores

    def step(self, tokens: np.ndarray) -> np.ndarray:
        count = len(self._slots)
        if np.shape(tokens) != (count,):
            raise ValueError(f"tokens of shape {np.shape(tokens)} for {count} rows")
        if not count:
            return np.empty((0, self._network.config.vocab_size), np.float32)
        while len(self._segments) * SEGMENT <= self._ages.max():
            self._segments.append(self._segment())
        positions = self._lengths[self._of_row] + self._ages
        sources = Sources(self._keys, self._values, self._lengths, self._of_row, positions)
        addresses = np.array([segment.ctypes.data for segment in self._segments], np.int64)
        in_halves = int(self._network.precision != "float32")
        own = Own(addresses, self._slots, self._ages, self._slots_made, in_halves)
        with self._network.lock:
            self._network.step(np.asarray(tokens, np.int64), sources, own)
            scores = self._network.scores(np.arange(count))
        self._ages = self._ages + 1
        return scores

    def select(self, rows: np.ndarray) -> None:
        rows = np.asarray(rows, np.int64)
        self._of_row, slots, self._ages = self._of_row[rows], self._slots[rows], self._ages[rows]
        copies = np.ones(len(slots), bool)
        copies[np.unique(slots, return_index=True)[1]] = False
        self._slots = slots[~copies]
        if copies.any():
            free = self._free_slots(int(copies.sum()))
            for segment in self._segments:
                segment[:, :, free] = segment[:, :, slots[copies]]
            slots[copies] = free
        self._slots = slots
        self._forget_sources()

    def _forget_sources(self) -> None:
        """Give up sources that no row reads any more."""
        wanted, self._of_row = np.unique(self._of_row, return_inverse=True)
        if len(wanted) < len(self._lengths):
            self._memory = [self._memory[source] for source in wanted]
            self._keys, self._values = self._keys[wanted], self._values[wanted]
            self._lengths = self._lengths[wanted]

    def _free_slots(self, count: int) -> np.ndarray:
        """Slots that no row has; more are made where there are too few."""
        free = np.setdiff1d(np.arange(self._slots_made), self._slots)[:count]
        missing = count - len(free)
        if missing:
            more = np.arange(self._slots_made, self._slots_made + missing)
            free = np.concatenate([free, more])
            self._slots_made += missing
            for index, old in enumerate(self._segments):
                self._segments[index] = self._segment()
                self._segments[index][:, :, : old.shape[2]] = old
        return free

    def _segment(self) -> np.ndarray:
        """Memory of a segment, which is not the process's before it is written to."""
        heads = self._network.heads
        shape = (heads.layers, 2, self._slots_made, heads.heads, heads.room * SEGMENT)
        return np.empty(shape, np.float32 if self._network.precision == "float32" else np.uint16)


def _check(sources: Sequence[Sequence[int]], rows: Sequence[int]) -> None:
    if not len(sources) or len(sources) != len(rows):
        raise InputError(
            f"{len(sources)} sources with the rows of {len(rows)}; each needs its number of rows"
        )
    for index, (source, count) in enumerate(zip(sources, rows, strict=True)):
        if not len(source) or count < 1:
            raise InputError(f"source {index}: {len(source)} tokens, {count} rows; each must be at least 1")


def _parts(sources: Sequence[Sequence[int]]) -> list[int]:
    """Where parts of at most :data:`TOKENS` tokens begin (a longer source is one), and the end."""
    begins, tokens = [0], 0
    for index, source in enumerate(sources):
        if index > begins[-1] and tokens + len(source) > TOKENS:
            begins.append(index)
            tokens = 0
        tokens += len(source)
    return [*begins, len(sources)]
