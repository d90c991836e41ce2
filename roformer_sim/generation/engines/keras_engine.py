"""Decoding by Keras itself, on TensorFlow or JAX."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from corpus_builder.errors import InputError
from roformer_sim.generation.engines import keras_programs
from roformer_sim.generation.engines.base import CompiledDecoding, Engine
from roformer_sim.generation.engines.row_grid import grid_of, padded, padded_ids
from roformer_sim.generation.engines.rule import SamplingRule
from roformer_sim.models import Backbone
from roformer_sim.models.attention import KeyValue
from roformer_sim.models.decoding import Grid, Sources


class KerasEngine(Engine):
    """Cached decoding in ``keras.ops``, compiled.

    Takes the weights as they are when it is made: make another after training.

    Args:
        backbone: The network, of any dtype policy.
        memory: Bytes that the rows' own keys and values may take in :meth:`KerasDecoding.run`, which decodes
            in waves of rows where all at once would take more.
    """

    name = "keras"

    def __init__(self, backbone: Backbone, memory: int = 400_000_000) -> None:
        self.backbone, self.memory, self.config = backbone, memory, backbone.config
        backend = importlib.import_module(
            f"roformer_sim.generation.engines.compiled_{keras.backend.backend()}"
        )
        self.multiple, self.growth, self._compiled = backend.ROWS, backend.CAPACITY, backend.compiled
        self.weights = keras_programs.weights_of(backbone)
        self.programs = keras_programs.Programs(backbone)
        self._read = self._compiled(self.programs.read)
        self.step = self._compiled(self.programs.step)
        self.select_rows = self._compiled(keras_programs.select_rows)
        self.select_sources = self._compiled(keras_programs.select_sources)
        self._loops: dict[tuple[bool, int | None, bool], Callable[..., Any]] = {}

    def begin(
        self, sources: Sequence[Sequence[int]], rows: Sequence[int]
    ) -> tuple[KerasDecoding, np.ndarray]:
        """See :meth:`Engine.begin`; sources of different lengths are read in one padded batch.

        Raises:
            InputError: A source longer than BERT's positions.
        """
        lengths = np.array([len(source) for source in sources], np.int32)
        self.backbone.check_length(int(lengths.max()))
        ids = padded_ids(sources, padded(len(sources), self.multiple), self.backbone.config.pad_token_id)
        ids = ids[:, : self.backbone.config.max_position_embeddings]
        logits, read = self._read(self.weights, ids)
        source_of = np.repeat(np.arange(len(sources)), rows)
        scores = np.array(ops.convert_to_numpy(logits)[: len(sources)])
        return KerasDecoding(self, read, lengths, source_of), scores

    def loop(self, rule: SamplingRule) -> Callable[..., Any]:
        """The compiled loop for rules of this kind."""
        nucleus = rule.top_p is not None and rule.top_p < 1.0
        kind = (True, None, False) if rule.greedy else (False, rule.top_k, nucleus)
        if kind not in self._loops:
            self._loops[kind] = self._compiled(self.programs.loop(*kind))
        return self._loops[kind]

    def numbers(self, rule: SamplingRule) -> tuple[Any, ...]:
        """What the loop is given of a rule."""
        ban = np.zeros(self.backbone.config.vocab_size, np.float32)
        ban[list(rule.banned_ids)] = -np.inf
        return np.float32(rule.top_p or 1.0), np.float32(rule.temperature), ban, np.int32(rule.end_id)

    def row_bytes(self, capacity: int) -> int:
        """Bytes of a row's own keys and values."""
        config = self.backbone.config
        size = np.dtype("float32").itemsize if self.backbone.compute_dtype == "float32" else 2
        return 2 * config.num_hidden_layers * config.hidden_size * capacity * size


class KerasDecoding(CompiledDecoding):
    """Rows decoded by a :class:`KerasEngine`; see :class:`Decoding`.

    Args:
        sources: What was read, padded.
        lengths: (sources,) their tokens.
        source_of: (rows,) the source of each row.
    """

    def __init__(
        self, engine: KerasEngine, sources: Sources, lengths: np.ndarray, source_of: np.ndarray
    ) -> None:
        self.engine, self.sources, self.lengths = engine, sources, lengths
        self.time = 0
        self._own: list[KeyValue] = []
        self._capacity = 0
        self._place(source_of)

    def _place(self, source_of: np.ndarray) -> None:
        engine = self.engine
        self.source_of = source_of
        self._padded = padded(len(source_of), engine.multiple)
        rows, places = grid_of(source_of, self.sources.bias.shape[0], engine.multiple)
        more = (0, self._padded - len(source_of))
        self._grid = Grid(rows, np.pad(places, more), np.pad(self.lengths[source_of], more, mode="edge"))

    def __len__(self) -> int:
        return len(self.source_of)

    def step(self, tokens: np.ndarray) -> np.ndarray:
        """See :meth:`Decoding.step`.

        Raises:
            InputError: A row longer than BERT's positions.
        """
        self.engine.backbone.check_length(int(self.lengths[self.source_of].max()) + self.time + 1)
        self._make_room(self.time + 1)
        logits, self._own = self.engine.step(
            self.engine.weights,
            self._pad(tokens, np.int32),
            np.int32(self.time),
            self.sources,
            self._grid,
            self._own,
        )
        self.time += 1
        return np.array(ops.convert_to_numpy(logits)[: len(self)])

    def _pad(self, values: np.ndarray, dtype: Any) -> np.ndarray:
        values = np.asarray(values, dtype)
        if len(values) != len(self):
            raise InputError(f"{len(values)} values for {len(self)} rows")
        return np.pad(values, [(0, self._padded - len(self)), *[(0, 0)] * (values.ndim - 1)])

    def _make_room(self, tokens: int) -> None:
        """Keys and values for at least ``tokens`` tokens a row."""
        if tokens <= self._capacity:
            return
        capacity = -(-tokens // self.engine.growth) * self.engine.growth
        config, dtype = self.engine.backbone.config, self.engine.backbone.compute_dtype
        if self._own:
            keras_programs.widen(self._own, capacity - self._capacity)
        else:
            shape = (self._padded, config.num_attention_heads, capacity, config.head_size)
            self._own = [
                (ops.zeros(shape, dtype), ops.zeros(shape, dtype)) for _ in self.engine.backbone.blocks
            ]
        self._capacity = capacity

    def select(self, rows: np.ndarray) -> None:
        """See :meth:`Decoding.select`."""
        rows = np.asarray(rows)
        source_of = self.source_of[rows]
        kept = np.unique(source_of)
        count = padded(len(kept), self.engine.multiple)
        if count < self.sources.bias.shape[0]:
            source_of = np.searchsorted(kept, source_of)
            self.lengths = self.lengths[kept]
            kept = np.pad(kept, (0, count - len(kept)), mode="edge").astype(np.int32)
            self.sources = self.engine.select_sources(self.sources, kept)
        self._place(source_of)
        if self._own:
            more = (0, self._padded - len(rows))
            self._own = self.engine.select_rows(self._own, np.pad(rows, more, mode="edge").astype(np.int32))

    def run(
        self, tokens: np.ndarray, uniforms: np.ndarray, rule: SamplingRule
    ) -> tuple[np.ndarray, np.ndarray]:
        """Decode until each row has drawn ``rule.end_id`` or has drawn C tokens; this decoding is then over.

        A row's result depends on its own source, first token and uniform numbers alone. Rows that ended are
        left out of the computation from time to time.

        Args:
            tokens: (rows,) the first tokens; a row whose first token is the end stays empty.
            uniforms: (rows, C) in [0, 1), what each row's next tokens are drawn by.
            rule: How.

        Returns:
            Tokens (rows, C), int32, after the first ones, ``end_id`` from a row's end on; and the log softmax
            of the network's own scores at each, (rows, C) float32, 0 after the end.

        Raises:
            InputError: More tokens than BERT has positions.
        """
        tokens, uniforms = np.asarray(tokens, np.int32), np.asarray(uniforms, np.float32)
        engine, steps = self.engine, uniforms.shape[1]
        engine.backbone.check_length(int(self.lengths[self.source_of].max()) + self.time + steps)
        drawn = np.full(uniforms.shape, rule.end_id, np.int32)
        scores = np.zeros(uniforms.shape, np.float32)
        wave = max(8, engine.memory // engine.row_bytes(self.time + steps) // 8 * 8)
        waves = -(-len(self) // wave)
        for part in np.array_split(np.arange(len(self)), waves):
            rows = self if waves == 1 else self._part(part)
            rows._run(tokens[part], uniforms[part], rule, part, (drawn, scores))
        self._own, self._capacity = [], 0
        return drawn, scores

    def _part(self, rows: np.ndarray) -> KerasDecoding:
        """Some of the rows by themselves."""
        part = KerasDecoding(self.engine, self.sources, self.lengths, self.source_of)
        part.time, part._own, part._capacity = self.time, self._own, self._capacity
        part.select(rows)
        return part

    def _run(
        self,
        tokens: np.ndarray,
        uniforms: np.ndarray,
        rule: SamplingRule,
        numbers: np.ndarray,
        results: tuple[np.ndarray, np.ndarray],
    ) -> None:
        """Write the results of the rows with these ``numbers``; leave out rows that ended as they end."""
        loop, choice, done = self.engine.loop(rule), self.engine.numbers(rule), 0
        ended = tokens == rule.end_id
        while done < uniforms.shape[1] and not ended.all():
            if padded(int((~ended).sum()), self.engine.multiple) < self._padded:
                going = np.flatnonzero(~ended)
                self.select(going)
                tokens, uniforms, numbers, ended = (
                    tokens[going],
                    uniforms[going],
                    numbers[going],
                    ended[going],
                )
            self._make_room(self.time + 1)
            limit = min(self._capacity - self.time, uniforms.shape[1] - done)
            window = np.zeros((len(self), self.engine.growth), np.float32)
            window[:, :limit] = uniforms[:, done : done + limit]
            finished = loop(
                self.engine.weights,
                self._pad(tokens, np.int32),
                np.pad(ended, (0, self._padded - len(self)), constant_values=True),
                np.int32(self.time),
                np.int32(limit),
                np.int32(self._fewest(int((~ended).sum()))),
                self._pad(window, np.float32),
                self.sources,
                self._grid,
                self._own,
                choice,
            )
            steps = int(finished.steps)
            columns = slice(done, done + steps)
            fresh = ops.convert_to_numpy(finished.tokens)[: len(self), :steps]
            results[0][numbers, columns] = fresh
            results[1][numbers, columns] = ops.convert_to_numpy(finished.log_probabilities)[
                : len(self), :steps
            ]
            self._own, tokens = finished.own, fresh[:, -1]
            ended = ops.convert_to_numpy(finished.ended)[: len(self)]
            self.time, done = self.time + steps, done + steps

    def _fewest(self, alive: int) -> int:
        """The loop goes on with more rows than these: leaving out the others has a cost of its own."""
        return 0 if self._padded <= 8 else alive * 3 // 4
