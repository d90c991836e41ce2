"""Encoding on a CPU: matrix products by OpenVINO over tokens without padding, attention by Numba."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from roformer_sim.generation.engines.openvino import OpenVINOEngine, compile_graphs, runner
from roformer_sim.generation.engines.openvino_graph import hidden_graph
from roformer_sim.generation.engines.shared_attention import attend_source, store_source
from roformer_sim.models.pooling import Pooling
from roformer_sim.retrieval.engines.base import EncoderEngine, Vectors

TOKENS = 2048
"""Of a batch: enough to fill matrix products, few enough that a block's activations stay near the cores."""

STEP = 32
"""OpenVINO prepares its products anew for each number of rows it has not met, so such numbers are few."""


class OpenVINOEncoder(EncoderEngine):
    """The tokens of a batch stand one after another, so that no product has padding in it.

    All blocks but the last run in the graphs of a generating engine, so that a model that does both holds
    its weights once.

    Args:
        decoder: The engine, of the precision wanted; ``"int8"`` and ``"bfloat16"`` are those of its products.
        weights: Its weights by name; read once.
    """

    def __init__(self, decoder: OpenVINOEngine, weights: Mapping[str, np.ndarray]) -> None:
        self.name, self.config, self._decoder = decoder.name, decoder.config, decoder
        graph = hidden_graph(decoder.config, weights, decoder.precision == "int8")
        [model] = compile_graphs([graph], weights, decoder.precision, decoder.threads)
        self._last_block = runner(model)
        self._pooler = np.array(weights["pooler/kernel"]), np.array(weights["pooler/bias"])

    def encode(self, sentences: Sequence[np.ndarray], poolings: Sequence[Pooling]) -> Vectors:
        """See :meth:`EncoderEngine.encode`.

        Raises:
            InputError: Also a token outside the vocabulary.
        """
        tokens = np.concatenate([np.asarray(sentence, np.int32) for sentence in sentences])
        lengths = np.array([len(sentence) for sentence in sentences])
        self._decoder.check(tokens, int(lengths.max()))
        with self._decoder.lock:
            return self._vectors(tokens, lengths, poolings)

    def _vectors(self, tokens: np.ndarray, lengths: np.ndarray, poolings: Sequence[Pooling]) -> Vectors:
        decoder, config, count = self._decoder, self.config, len(tokens)
        ends = np.cumsum(lengths)
        begins = ends - lengths
        spans = np.repeat(np.stack([begins, ends], axis=1), lengths, axis=0)
        positions, angles = np.arange(count) - spans[:, 0], decoder.angles(int(lengths.max()))
        keys, values = np.empty((2, 1, config.num_attention_heads, count, config.head_size), np.float32)
        context = np.zeros((rounded(count), config.hidden_size), np.float32)

        def attend(qkv: np.ndarray, rows: np.ndarray | slice, out: np.ndarray) -> None:
            seen = qkv[:count][rows], positions[rows], *angles, keys, values, spans[rows], out
            decoder.spread(attend_source, len(seen[0]), *seen)

        ids = (_fitted(row.astype(np.int32), len(context)) for row in (tokens, 0 * tokens, positions))
        x, qkv = decoder.run(0, *ids)
        first = None
        for graph in range(1, config.num_hidden_layers):
            decoder.spread(store_source, count, qkv, positions, *angles, keys, values)
            attend(qkv, slice(None), context)
            x, qkv = decoder.run(graph, context, x)
            first = x if first is None else first
        decoder.spread(store_source, count, qkv, positions, *angles, keys, values)
        # The last block's other tokens matter to [CLS] by their keys and values alone.
        rows = begins if set(poolings) <= {Pooling.P1, Pooling.P2} else np.arange(count)
        context = np.zeros((rounded(len(rows)), config.hidden_size), np.float32)
        attend(qkv, rows, context)
        [last] = self._last_block((context, _fitted(x[rows], len(context))), None)
        return self._pooled(last if first is None else first, last, lengths, rows, poolings)

    def _pooled(
        self,
        first: np.ndarray,
        last: np.ndarray,
        lengths: np.ndarray,
        rows: np.ndarray,
        poolings: Sequence[Pooling],
    ) -> Vectors:
        """Of hidden states of the first block, all tokens, and of the last, of these rows."""
        begins = np.cumsum(lengths) - lengths
        cls = last[np.searchsorted(rows, begins)]

        def mean(hidden: np.ndarray) -> np.ndarray:
            sums = np.add.reduceat(hidden[: len(rows)], begins, axis=0)
            return np.asarray(sums / lengths[:, None].astype(np.float32))

        def vectors(pooling: Pooling) -> np.ndarray:
            if pooling is Pooling.P1:
                return cls
            if pooling is Pooling.P2:
                return np.asarray(cls @ self._pooler[0] + self._pooler[1])
            return mean(last) if pooling is Pooling.P3 else (mean(first) + mean(last)) / np.float32(2.0)

        return {pooling: vectors(pooling) for pooling in poolings}

    def batches(self, lengths: np.ndarray) -> list[int]:
        """See :meth:`EncoderEngine.batches`."""
        ends = np.cumsum(lengths)
        counts, begin = [], 0
        while begin < len(lengths):
            before = ends[begin - 1] if begin else 0
            end = max(begin + 1, int(np.searchsorted(ends, before + TOKENS, side="right")))
            counts.append(end - begin)
            begin = end
        return counts


def rounded(rows: int) -> int:
    """The number of rows to compute, see :data:`STEP`."""
    step = 8 if rows <= 128 else STEP
    return -(-rows // step) * step


def _fitted(values: np.ndarray, length: int) -> np.ndarray:
    more = np.zeros((length - len(values), *values.shape[1:]), values.dtype)
    return np.concatenate([values, more])
