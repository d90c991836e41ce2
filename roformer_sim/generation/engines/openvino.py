"""Decoding on a CPU through OpenVINO's matrix products, in float32, bfloat16 or int8."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, Literal, get_args

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.checkpoints.mapped import release
from roformer_sim.generation.engines.base import Decoding, Engine
from roformer_sim.generation.engines.shared_attention import attend_source, attend_step, store_source
from roformer_sim.models import ModelConfig

Precision = Literal["float32", "bfloat16", "int8"]

# Own keys and values get room for this many positions at first, and at least for as many more later.
_ROOM = 8


class OpenVINOEngine(Engine):
    """Matrix products by OpenVINO, attention by Numba.

    Args:
        config: Shape of the network.
        weights: Its weights by name; read once, and in float32 used where they lie: not to be changed.
        precision: Of the matrix products. ``"float32"`` is exact to rounding. ``"bfloat16"`` is fast on CPUs
            with AMX and slow on others. ``"int8"`` rounds weights by output and activations by row, and runs
            on VNNI (Intel since 2019, AMD since 2022) or AMX.
        threads: ``None`` for one a core that this process may use.

    Decodings of one engine may go on in several threads; their steps take turns, each with all cores.

    Raises:
        InputError: Unknown precision, OpenVINO not installed.

    Example:
        >>> engine = OpenVINOEngine(network.config, network.weights(), "int8")
        >>> decoding, scores = engine.begin([tokenizer.encode("广州和深圳哪个好？").token_ids], [20])
        >>> scores.shape
        (1, 12000)
        >>> decoding.step(scores.argmax(-1).repeat(20)).shape
        (20, 12000)
    """

    def __init__(
        self,
        config: ModelConfig,
        weights: Mapping[str, np.ndarray],
        precision: Precision = "float32",
        threads: int | None = None,
    ) -> None:
        if precision not in get_args(Precision):
            known = ", ".join(get_args(Precision))
            raise InputError(f"precision is one of {known}, not {precision!r}")
        self.name = f"openvino-{precision}"
        self.config, self.precision = config, precision
        # How rows keep their own keys and values; uint16 holds bfloat16.
        self.kept = np.dtype(np.float32 if precision == "float32" else np.uint16)
        self.threads = threads or _usable_cores()
        self._models = _compile(config, weights, precision, self.threads)
        self._runners = [runner(model) for model in self._models]
        self._workers = ThreadPoolExecutor(self.threads - 1) if self.threads > 1 else None
        self._cosine, self._sine = self._angles(0)
        self.lock = threading.Lock()
        # At its first run OpenVINO arranges weights as its kernels want them; their file has been read then.
        self.begin([[0]], [1])
        release(weights)

    def begin(self, sources: Sequence[Sequence[int]], rows: Sequence[int]) -> tuple[Decoding, np.ndarray]:
        """See :meth:`Engine.begin`.

        Raises:
            InputError: No source, an empty one, one without a row, a token outside the vocabulary,
                more tokens than a BERT network has positions.
        """
        if not len(sources) or len(sources) != len(rows):
            raise InputError(
                f"{len(sources)} sources with the rows of {len(rows)}; each needs its number of rows"
            )
        for index, (source, count) in enumerate(zip(sources, rows, strict=True)):
            if not len(source) or count < 1:
                raise InputError(
                    f"source {index}: {len(source)} tokens, {count} rows; each must be at least 1"
                )
        with self.lock:
            return _OpenVINODecoding.begun(self, sources, rows)

    def check(self, tokens: np.ndarray, length: int) -> None:
        """Refuse what the network has no embedding for.

        Raises:
            InputError: A token outside the vocabulary, more tokens than a BERT network has positions.
        """
        if len(tokens) and not 0 <= tokens.min() <= tokens.max() < self.config.vocab_size:
            found = f"token ids from {tokens.min()} to {tokens.max()}"
            raise InputError(f"{found}; the vocabulary has {self.config.vocab_size}")
        self.config.check_length(length)

    def angles(self, length: int) -> tuple[np.ndarray, np.ndarray]:
        """Cosine and sine of the rotary turn for at least ``length`` positions."""
        if len(self._cosine) < length:
            self._cosine, self._sine = self._angles(length)
        return self._cosine, self._sine

    def _angles(self, length: int) -> tuple[np.ndarray, np.ndarray]:
        half = self.config.head_size // 2 if self.config.model_type == "roformer" else 0
        frequencies = 10000.0 ** (-np.arange(half) / max(half, 1))
        angles = np.arange(max(2 * length, 128))[:, None] * frequencies
        return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)

    def product_kernels(self) -> list[str]:
        """What OpenVINO multiplies by each weight matrix with, as it names it: ``brgemm_avx512_i8``."""
        nodes = [node.get_rt_info() for model in self._models for node in model.get_runtime_model().get_ops()]
        return [
            str(info["primitiveType"].astype(str))
            for info in nodes
            if "FullyConnected" in info["layerType"].astype(str) or info["layerType"].astype(str) == "MatMul"
        ]

    def run(self, graph: int, *inputs: np.ndarray, output: np.ndarray | None = None) -> list[np.ndarray]:
        """One of :func:`token_graphs`; what it returns is overwritten when it runs again."""
        return self._runners[graph](inputs, output)

    def spread(self, function: Callable[..., None], rows: int, *arguments: Any) -> None:
        """``function(begin, end, *arguments)`` over all rows, a share for each thread."""
        shares = min(self.threads, rows)
        ends = [rows * share // shares for share in range(shares + 1)]
        waiting = []
        if self._workers is not None:
            waiting = [self._workers.submit(function, *span, *arguments) for span in pairwise(ends[1:])]
        function(ends[0], ends[1], *arguments)
        for share in waiting:
            share.result()


class _OpenVINODecoding(Decoding):
    """Source keys and values by token, own ones by slot; to select is to change which slot a row has."""

    def __init__(self, engine: OpenVINOEngine, spans: np.ndarray, tokens: int, rows: Sequence[int]) -> None:
        config = engine.config
        self._engine, self._blocks = engine, range(config.num_hidden_layers)
        heads, size = config.num_attention_heads, config.head_size
        self._sources = [np.empty((2, 1, heads, tokens, size), np.float32) for _ in self._blocks]
        self._spans = np.repeat(spans, rows, axis=0)
        self._slots = np.arange(len(self._spans))
        self._own = [np.empty((2, len(self._slots), heads, 0, size), engine.kept) for _ in self._blocks]
        self._age = 0

    @classmethod
    def begun(
        cls, engine: OpenVINOEngine, sources: Sequence[Sequence[int]], rows: Sequence[int]
    ) -> tuple[Decoding, np.ndarray]:
        lengths = np.array([len(source) for source in sources])
        tokens = np.concatenate([np.asarray(source, np.int32) for source in sources])
        engine.check(tokens, int(lengths.max()))
        ends = np.cumsum(lengths)
        spans = np.stack([ends - lengths, ends], axis=1)
        decoding = cls(engine, spans, len(tokens), rows)
        return decoding, decoding._read(tokens, spans, lengths)

    def _read(self, tokens: np.ndarray, spans: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        engine, count = self._engine, len(tokens)
        padded = _padded(count)
        positions = _fitted(np.arange(count) - np.repeat(spans[:, 0], lengths), padded)
        segments = np.zeros(padded, np.int32)
        angles = engine.angles(int(lengths.max()))
        own_spans = np.repeat(spans, lengths, axis=0)
        x, qkv = engine.run(0, _fitted(tokens, padded), segments, positions.astype(np.int32))
        context = np.zeros((padded, engine.config.hidden_size), np.float32)
        for block in self._blocks:
            keys, values = self._sources[block]
            engine.spread(store_source, count, qkv, positions, *angles, keys, values)
            engine.spread(attend_source, count, qkv, positions, *angles, keys, values, own_spans, context)
            if block < self._blocks[-1]:
                x, qkv = engine.run(block + 1, context, x)
        # The last block's other tokens matter to nobody.
        last = _fitted(spans[:, 1] - 1, _padded(len(spans)))
        return self._scores(context[last], x[last], len(spans))

    def step(self, tokens: np.ndarray) -> np.ndarray:
        with self._engine.lock:
            return self._step(np.asarray(tokens, np.int32))

    def _step(self, tokens: np.ndarray) -> np.ndarray:
        engine, count = self._engine, len(self._slots)
        if tokens.shape != (count,):
            raise ValueError(f"tokens of shape {tokens.shape} for {count} rows")
        if not count:
            return np.empty((0, engine.config.vocab_size), np.float32)
        lengths = self._spans[:, 1] - self._spans[:, 0] + self._age + 1
        engine.check(tokens, int(lengths.max()))
        self._make_room()
        padded = _padded(count)
        positions, segments = _fitted(lengths - 1, padded), np.ones(padded, np.int32)
        angles = engine.angles(int(lengths.max()))
        x, qkv = engine.run(0, _fitted(tokens, padded), segments, positions.astype(np.int32))
        context = np.zeros((padded, engine.config.hidden_size), np.float32)
        for block in self._blocks:
            engine.spread(
                attend_step, count, qkv, positions, *angles, *self._sources[block], self._spans,
                *self._own[block], self._slots, self._age, context,
            )  # fmt: skip
            if block < self._blocks[-1]:
                x, qkv = engine.run(block + 1, context, x)
        self._age += 1
        return self._scores(context, x, count)

    def _scores(self, context: np.ndarray, x: np.ndarray, count: int) -> np.ndarray:
        scores = np.empty((len(context), self._engine.config.vocab_size), np.float32)
        self._engine.run(len(self._blocks), context, x, output=scores)
        return scores[:count]

    def select(self, rows: np.ndarray) -> None:
        rows = np.asarray(rows, np.int64)
        self._spans, slots = self._spans[rows], self._slots[rows]
        copies = np.ones(len(slots), bool)
        copies[np.unique(slots, return_index=True)[1]] = False
        if copies.any():
            slots[copies] = self._copied(slots, copies)
        self._slots = slots

    def _copied(self, slots: np.ndarray, copies: np.ndarray) -> np.ndarray:
        """Slots of their own for rows named a second time, with the same contents."""
        existing = self._own[0].shape[1]
        free = np.setdiff1d(np.arange(existing), slots)
        wanted = int(copies.sum())
        if len(free) < wanted:
            more = wanted - len(free)
            for block in self._blocks:
                old = self._own[block]
                self._own[block] = np.concatenate(
                    [old, np.empty_like(old, shape=(2, more, *old.shape[2:]))], 1
                )
            free = np.concatenate([free, np.arange(existing, existing + more)])
        free = free[:wanted]
        for own in self._own:
            own[:, free, :, : self._age] = own[:, slots[copies], :, : self._age]
        return free

    def _make_room(self) -> None:
        """Let own keys and values take another token; rows that ended give up their slots then."""
        if self._age < self._own[0].shape[3]:
            return
        for block in self._blocks:
            old = self._own[block]
            shape = (2, len(self._slots), old.shape[2], self._age + max(_ROOM, self._age // 2), old.shape[4])
            self._own[block] = new = np.empty(shape, old.dtype)
            new[:, :, :, : self._age] = old[:, self._slots]
        self._slots = np.arange(len(self._slots))


def _padded(rows: int) -> int:
    """The number of rows to compute: OpenVINO prepares its products anew for each number it has not met."""
    step = 4 if rows <= 32 else 8 if rows <= 128 else 32
    return -(-rows // step) * step


def _fitted(values: np.ndarray, length: int) -> np.ndarray:
    return np.concatenate([values, np.zeros(length - len(values), values.dtype)])


def _usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _compile(
    config: ModelConfig, weights: Mapping[str, np.ndarray], precision: Precision, threads: int
) -> list[Any]:
    try:
        from roformer_sim.generation.engines.openvino_graph import token_graphs
    except ImportError as error:
        raise InputError(
            f"OpenVINO is not installed ({error}): pip install 'roformer-sim[openvino]'"
        ) from None
    return compile_graphs(token_graphs(config, weights, precision == "int8"), weights, precision, threads)


def compile_graphs(
    graphs: Iterable[Any], weights: Mapping[str, np.ndarray], precision: Precision, threads: int
) -> list[Any]:
    """Ready to run; the memory of ``weights`` is given back after each graph."""
    import openvino

    options = {
        "INFERENCE_PRECISION_HINT": "bf16" if precision == "bfloat16" else "f32",
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "ENABLE_CPU_PINNING": False,  # threads held to cores wait for whatever else runs there
    }
    core, models = openvino.Core(), []
    for graph in graphs:
        models.append(core.compile_model(graph, "CPU", options))
        release(weights)
    return models


def runner(model: Any) -> Callable[..., list[np.ndarray]]:
    """A function of the graph's inputs; ``output`` is an array to write a single result into."""
    from openvino import Tensor

    request = model.create_infer_request()
    count = len(model.outputs)

    def run(inputs: Sequence[np.ndarray], output: np.ndarray | None) -> list[np.ndarray]:
        if output is not None:
            request.set_output_tensor(0, Tensor(output, shared_memory=True))
        results = request.infer(list(inputs), share_inputs=True, share_outputs=True)
        return [results[index] for index in range(count)]

    return run
