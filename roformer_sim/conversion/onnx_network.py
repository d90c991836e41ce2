"""The network as ONNX graphs: encoder, source of a generation, one step of it, language-model head.

The files' weights are bitwise ours. Two changes to queries and keys that leave every score as it is, the
division by the root of the head size and the order of rotary pairs, are written as operations on the weights
alone; runtimes carry them out once, when they load the file.
"""

from __future__ import annotations

import numpy as np

from roformer_sim.conversion.onnx_graph import GraphBuilder, SharedWeights
from roformer_sim.models.config import ModelConfig
from roformer_sim.models.pooling import Pooling

MASKED = -1e9
"""Added to scores of padding, as in :mod:`roformer_sim.models.unilm_mask`."""


def encoder(config: ModelConfig, weights: SharedWeights) -> GraphBuilder:
    """``token_ids`` (batch, length) to ``hidden`` of every token, ``P1`` to ``P4``, and ``vector``.

    ``vector`` is the vector of ``config.pooling``, of length 1. Tokens after the end of a row are the padding
    id; what stands at them in ``hidden`` means nothing.
    """
    network = _Network(GraphBuilder("encoder", weights), config)
    graph, hidden = network.graph, config.hidden_size
    graph.input("token_ids", "int64", ["batch", "length"])
    first, last, mask, _ = network.read("token_ids")
    shape = network.shape_of("token_ids", hidden)
    last_rows = graph.op("Reshape", last, shape)
    graph.output("hidden", last_rows, "float32", ["batch", "length", hidden])
    cls = graph.op("Gather", last_rows, graph.integer(0), axis=1)
    vectors = {Pooling.P1: cls, Pooling.P3: network.mean(last_rows, mask)}
    if config.has_pooler:
        vectors[Pooling.P2] = network.dense("pooler", cls)
    middle = graph.op("Mul", graph.op("Add", first, last), graph.floats(0.5))
    vectors[Pooling.P4] = network.mean(graph.op("Reshape", middle, shape), mask)
    for pooling in config.poolings:
        graph.output(pooling.value, vectors[pooling], "float32", ["batch", hidden])
    own = vectors[Pooling(config.pooling)]
    length = graph.op("ReduceL2", own, graph.integers(-1), keepdims=1)
    unit = graph.op("Div", own, graph.op("Max", length, graph.floats(1e-12)))
    graph.output("vector", unit, "float32", ["batch", hidden])
    return graph


def source(config: ModelConfig, weights: SharedWeights) -> GraphBuilder:
    """``source_ids`` (sources, source_length), [CLS] and [SEP] included, to ``scores`` of the token after
    them.

    Also to ``source_key_i`` and ``source_value_i`` of every layer ``i``, which :func:`step` takes.
    """
    network = _Network(GraphBuilder("source", weights), config)
    graph = network.graph
    graph.input("source_ids", "int64", ["sources", "source_length"])
    _, last, mask, kept = network.read("source_ids")
    states = graph.op("Reshape", last, network.shape_of("source_ids", config.hidden_size))
    end = graph.op("Sub", network.lengths(mask), graph.integers(1))
    ends = graph.op("GatherND", states, end, batch_dims=1)
    graph.output("scores", network.scores(ends), "float32", ["sources", config.vocab_size])
    keys, values = _source_shapes(config)
    for number, (key, value) in enumerate(kept):
        graph.output(f"source_key_{number}", key, "float32", keys)
        graph.output(f"source_value_{number}", value, "float32", values)
    return graph


def step(config: ModelConfig, weights: SharedWeights) -> GraphBuilder:
    """The newest ``token_ids`` (sources, rows) to ``scores`` (sources, rows, vocabulary) of the token after.

    All rows of a source share its keys and values. What the rows wrote before is ``past_key_i`` and
    ``past_value_i``, (sources, rows, heads, past_length, head_size), ``past_length`` 0 at the first step;
    ``present_key_i`` and ``present_value_i`` have this token's added, and are the next step's past.
    ``source_ids`` says where a source ends: positions go on from there.
    """
    network = _Network(GraphBuilder("step", weights), config)
    graph, heads, size = network.graph, config.num_attention_heads, config.head_size
    graph.input("token_ids", "int64", ["sources", "rows"])
    graph.input("source_ids", "int64", ["sources", "source_length"])
    keys, values = _source_shapes(config)
    for i in range(config.num_hidden_layers):
        graph.input(f"source_key_{i}", "float32", keys)
        graph.input(f"source_value_{i}", "float32", values)
    for i in range(config.num_hidden_layers):
        graph.input(f"past_key_{i}", "float32", ["sources", "rows", heads, "past_length", size])
        graph.input(f"past_value_{i}", "float32", ["sources", "rows", heads, "past_length", size])
    scores, grown = network.write()
    graph.output("scores", scores, "float32", ["sources", "rows", config.vocab_size])
    for i, (key, value) in enumerate(grown):
        graph.output(f"present_key_{i}", key, "float32", ["sources", "rows", heads, "present_length", size])
        graph.output(
            f"present_value_{i}", value, "float32", ["sources", "rows", heads, "present_length", size]
        )
    return graph


def lm_head(config: ModelConfig, weights: SharedWeights) -> GraphBuilder:
    """``hidden`` (tokens, hidden), of the encoder, to ``logits`` (tokens, vocabulary): masked tokens."""
    network = _Network(GraphBuilder("lm_head", weights), config)
    hidden = network.graph.input("hidden", "float32", ["tokens", config.hidden_size])
    network.graph.output("logits", network.scores(hidden), "float32", ["tokens", config.vocab_size])
    return network.graph


def _source_shapes(config: ModelConfig) -> tuple[list[int | str], list[int | str]]:
    heads, size = config.num_attention_heads, config.head_size
    return ["sources", heads, size, "source_length"], ["sources", heads, "source_length", size]


class _Network:
    """The layers, each a few operations of a graph. Tokens stand in rows: (tokens, hidden)."""

    def __init__(self, graph: GraphBuilder, config: ModelConfig) -> None:
        self.graph, self.config = graph, config

    def read(self, token_ids: str) -> tuple[str, str, str, list[tuple[str, str]]]:
        """First and last layer of whole rows of tokens, which see one another; mask, keys and values.

        The mask is float32 (batch, length), 1 at tokens and 0 at padding.
        """
        graph, config = self.graph, self.config
        mask = self.mask(token_ids)
        bias = graph.op("Unsqueeze", self.bias(mask), graph.integers(1, 2))
        length = graph.op("Gather", graph.op("Shape", token_ids), self.graph.integer(1))
        positions = graph.op("Range", self.graph.integer(0), length, self.graph.integer(1))
        table = None
        if config.model_type == "bert":
            # A slice, not a look-up: more tokens than positions are an error and not other rows.
            end = graph.op("Unsqueeze", length, graph.integers(0))
            table = graph.op("Slice", graph.weight("position_embedding/embeddings"), graph.integers(0), end)
        x, first = self.embed(token_ids, 0, table), ""
        angles = self.angles(positions, 1)
        shape = self.shape_of(token_ids, 3 * config.num_attention_heads, config.head_size)
        kept = []
        for number in range(config.num_hidden_layers):
            context, key, value = self._attend_all(number, x, shape, bias, angles)
            x = self.feed(number, x, context)
            first = first or x
            kept.append((key, value))
        return first, x, mask, kept

    def _attend_all(
        self, number: int, x: str, shape: str, bias: str, angles: tuple[str, str]
    ) -> tuple[str, str, str]:
        graph = self.graph
        heads = graph.op("Transpose", graph.op("Reshape", self.qkv(number, x), shape), perm=[0, 2, 1, 3])
        query, key, value = self.turned(heads, angles, axis=1)
        key = graph.op("Transpose", key, perm=[0, 1, 3, 2])
        scores = graph.op("Add", graph.op("MatMul", query, key), bias)
        context = graph.op("MatMul", graph.op("Softmax", scores, axis=-1), value)
        return graph.op("Transpose", context, perm=[0, 2, 1, 3]), key, value

    def write(self) -> tuple[str, list[tuple[str, str]]]:
        """One token a row after sources: scores, and the rows' keys and values with the token's."""
        graph, config = self.graph, self.config
        mask = self.mask("source_ids")
        bias = graph.op("Unsqueeze", self.bias(mask), graph.integers(1, 2))
        past = graph.op("Shape", "past_key_0", start=3, end=4)
        positions = graph.op("Add", self.lengths(mask), past)  # (sources, 1)
        table = None
        if config.model_type == "bert":
            table = graph.op("Gather", graph.weight("position_embedding/embeddings"), positions)
        x = self.embed("token_ids", 1, table)
        angles = self.angles(positions, 2, 3)
        shape = self.shape_of("token_ids", 3 * config.num_attention_heads, config.head_size)
        length = graph.op("Shape", "source_ids", start=1, end=2)
        sizes = graph.op("Concat", length, graph.op("Add", past, graph.integers(1)), axis=0)
        grown = []
        for number in range(config.num_hidden_layers):
            heads = graph.op("Reshape", self.qkv(number, x), shape)
            query, key, value = self.turned(heads, angles, axis=2)
            own = (self._longer("past_key", number, key), self._longer("past_value", number, value))
            grown.append(own)
            x = self.feed(number, x, self._attend_cached(number, query, own, bias, sizes))
        scores = graph.op("Reshape", self.scores(x), self.shape_of("token_ids", config.vocab_size))
        return scores, grown

    def _longer(self, past: str, number: int, new: str) -> str:
        """(sources, rows, heads, past_length, head_size) with one more."""
        graph = self.graph
        return graph.op("Concat", f"{past}_{number}", graph.op("Unsqueeze", new, graph.integers(3)), axis=3)

    def _attend_cached(self, number: int, query: str, own: tuple[str, str], bias: str, sizes: str) -> str:
        """One softmax over the source, a product for all rows of it, and what each row wrote itself."""
        graph, last = self.graph, self.graph.integers(-1)
        by_heads = graph.op("Transpose", query, perm=[0, 2, 1, 3])
        at_source = graph.op("Add", graph.op("MatMul", by_heads, f"source_key_{number}"), bias)
        at_source = graph.op("Transpose", at_source, perm=[0, 2, 1, 3])
        at_own = graph.op("MatMul", own[0], graph.op("Unsqueeze", query, last))
        scores = graph.op("Concat", at_source, graph.op("Squeeze", at_own, last), axis=-1)
        weights = graph.op("Softmax", scores, axis=-1)
        on_source, on_own = graph.ops("Split", 2, weights, sizes, axis=-1)
        on_source = graph.op("Transpose", on_source, perm=[0, 2, 1, 3])
        from_source = graph.op("MatMul", on_source, f"source_value_{number}")
        from_source = graph.op("Transpose", from_source, perm=[0, 2, 1, 3])
        axis = graph.integers(3)
        from_own = graph.op("MatMul", graph.op("Unsqueeze", on_own, axis), own[1])
        return graph.op("Add", from_source, graph.op("Squeeze", from_own, axis))

    def embed(self, token_ids: str, segment: int, positions: str | None) -> str:
        """(tokens, hidden) of a segment's tokens; ``positions`` are rows of BERT's table."""
        graph, config = self.graph, self.config
        x = graph.op("Gather", graph.weight("token_embedding/embeddings"), token_ids)
        row = graph.op("Gather", graph.weight("segment_embedding/embeddings"), self.graph.integer(segment))
        x = graph.op("Add", x, row)
        if positions is not None:
            x = graph.op("Add", x, positions)
        x = self.norm("embedding_norm", x)
        x = graph.op("Reshape", x, graph.integers(-1, int(config.embedding_size or config.hidden_size)))
        return x if config.embedding_size == config.hidden_size else self.dense("embedding_mapping", x)

    def qkv(self, number: int, x: str) -> str:
        """(tokens, 3 * hidden): queries, keys, values; queries divided, pairs brought to halves."""
        graph, config = self.graph, self.config
        width = config.hidden_size
        columns = [graph.weight(f"block_{number}/attention/qkv_{part}") for part in ("kernel", "bias")]
        if config.model_type == "roformer":
            pairs = np.arange(2 * width).reshape(-1, config.head_size // 2, 2)
            order = [*pairs.swapaxes(1, 2).ravel().tolist(), *range(2 * width, 3 * width)]
            columns = [graph.op("Gather", part, graph.integers(*order), axis=-1) for part in columns]
        scale = graph.floats(np.repeat([config.head_size**-0.5, 1.0, 1.0], width))
        kernel, bias = (graph.op("Mul", part, scale) for part in columns)
        return graph.op("Gemm", x, kernel, bias)

    def angles(self, positions: str, *axes: int) -> tuple[str, str]:
        """Cosine and sine of the turn of each pair of a head at int64 positions, with new axes."""
        if self.config.model_type != "roformer":
            return "", ""
        graph, size = self.graph, self.config.head_size
        frequencies = graph.floats(10000.0 ** (-2.0 * np.arange(size // 2) / size))
        positions = graph.op("Unsqueeze", graph.cast(positions, "float32"), graph.integers(*axes))
        angles = graph.op("Mul", positions, frequencies)
        return graph.op("Cos", angles), graph.op("Sin", angles)

    def turned(self, heads: str, angles: tuple[str, str], axis: int) -> list[str]:
        """Queries, keys and values of all heads, which lie along ``axis``; (..., head_size) each."""
        graph, count = self.graph, self.config.num_attention_heads
        if self.config.model_type != "roformer":
            return graph.ops("Split", 3, heads, graph.integers(count, count, count), axis=axis)
        cosine, sine = angles
        pairs, value = graph.ops("Split", 2, heads, graph.integers(2 * count, count), axis=axis)
        half = self.config.head_size // 2
        a, b = graph.ops("Split", 2, pairs, graph.integers(half, half), axis=-1)
        left = graph.op("Sub", graph.op("Mul", a, cosine), graph.op("Mul", b, sine))
        right = graph.op("Add", graph.op("Mul", b, cosine), graph.op("Mul", a, sine))
        both = graph.op("Concat", left, right, axis=-1)
        return [*graph.ops("Split", 2, both, graph.integers(count, count), axis=axis), value]

    def feed(self, number: int, x: str, context: str) -> str:
        """What comes after attention in a block: two sums, two norms, the feed-forward part."""
        graph, block = self.graph, f"block_{number}"
        context = graph.op("Reshape", context, graph.integers(-1, self.config.hidden_size))
        attended = self.dense(f"{block}/attention/output", context)
        x = self.norm(f"{block}/attention_norm", graph.op("Add", x, attended))
        inner = self.activated(self.dense(f"{block}/intermediate", x))
        return self.norm(f"{block}/output_norm", graph.op("Add", x, self.dense(f"{block}/output", inner)))

    def scores(self, x: str) -> str:
        """The language-model head on rows (n, hidden): (n, vocabulary)."""
        graph = self.graph
        config = self.config
        x = self.activated(self.dense("lm_transform", x), config.lm_hidden_act)
        x = self.norm("lm_norm", x, config.lm_layer_norm_eps)
        table, bias = graph.weight("token_embedding/embeddings"), graph.weight("lm_bias")
        return graph.op("Gemm", x, table, bias, transB=1)

    def dense(self, name: str, x: str) -> str:
        """``x kernel + bias``."""
        return self.graph.op(
            "Gemm", x, self.graph.weight(f"{name}/kernel"), self.graph.weight(f"{name}/bias")
        )

    def norm(self, name: str, x: str, epsilon: float | None = None) -> str:
        """LayerNorm, with the configuration's epsilon unless it has its own."""
        gamma, beta = (self.graph.weight(f"{name}/{part}") for part in ("gamma", "beta"))
        epsilon = float(epsilon or self.config.layer_norm_eps or 0.0)
        return self.graph.op("LayerNormalization", x, gamma, beta, axis=-1, epsilon=epsilon)

    def activated(self, x: str, name: str | None = None) -> str:
        """The configuration's activation, or another."""
        name = name or self.config.hidden_act
        if name == "relu":
            return self.graph.op("Relu", x)
        form = "tanh" if name == "gelu_new" else "none"
        return self.graph.op("Gelu", x, approximate=form)

    def mask(self, token_ids: str) -> str:
        """float32, 1 at tokens and 0 at padding."""
        padding = self.graph.op("Equal", token_ids, self.graph.integer(self.config.pad_token_id))
        return self.graph.cast(self.graph.op("Not", padding), "float32")

    def bias(self, mask: str) -> str:
        """Added to scores: 0 at tokens, :data:`MASKED` at padding."""
        absent = self.graph.op("Sub", self.graph.floats(1.0), mask)
        return self.graph.op("Mul", absent, self.graph.floats(MASKED))

    def lengths(self, mask: str) -> str:
        """int64 (batch, 1): tokens of each row."""
        counts = self.graph.op("ReduceSum", mask, self.graph.integers(1), keepdims=1)
        return self.graph.cast(counts, "int64")

    def mean(self, rows: str, mask: str) -> str:
        """Mean over the tokens of (batch, length, d)."""
        graph = self.graph
        weights = graph.op("Unsqueeze", mask, graph.integers(2))
        total = graph.op("ReduceSum", graph.op("Mul", rows, weights), graph.integers(1), keepdims=0)
        count = graph.op("ReduceSum", mask, graph.integers(1), keepdims=1)
        return graph.op("Div", total, graph.op("Max", count, graph.floats(1.0)))

    def shape_of(self, rows: str, *sizes: int) -> str:
        """The shape of ``rows`` followed by ``sizes``, for Reshape."""
        return self.graph.op("Concat", self.graph.op("Shape", rows), self.graph.integers(*sizes), axis=0)
