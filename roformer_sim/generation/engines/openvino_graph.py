"""A network cut into OpenVINO graphs at its attentions: everything that works on each token by itself.

Products, norms and activations are the same for a source's token and for a target's newest token, so one
set of graphs over (tokens, width) matrices serves both, without padding. Between them stands
:mod:`roformer_sim.generation.engines.shared_attention`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import openvino
from openvino import opset13 as opset

from roformer_sim.models import ModelConfig

Weights = Mapping[str, np.ndarray]


def token_graphs(config: ModelConfig, weights: Weights, quantised: bool) -> Iterator[openvino.Model]:
    """The graphs in the order they run, one more than the network has blocks.

    ========================= =================================================== =======================
    graph                     inputs                                              outputs
    ========================= =================================================== =======================
    first                     tokens, segments, positions, each (rows,) int32     ``x``, ``qkv``
    one for each block but    context (rows, hidden): what the block's attention  ``x``, ``qkv`` of the
    the last                  gave; ``x``                                         next block
    last                      context, ``x``                                      scores (rows,
                                                                                  vocabulary)
    ========================= =================================================== =======================

    ``x`` (rows, hidden) are hidden states; ``qkv`` (rows, 3 * hidden) queries, keys and values, heads in
    order within each, queries divided by the root of the head size. RoFormer's queries and keys have the
    coordinates of a head in halves (:func:`roformer_sim.models.rotary.deinterleave`) and are not turned.
    Positions are read by BERT alone.

    Args:
        quantised: Matrix products in int8, see :func:`_product`.
    """
    parts = _Parts(config, weights, quantised)
    blocks = range(config.num_hidden_layers)
    yield parts.first()
    for block in blocks[:-1]:
        yield parts.between(block)
    yield parts.last(blocks[-1])


def hidden_graph(config: ModelConfig, weights: Weights, quantised: bool) -> openvino.Model:
    """What ends the encoding of a sentence in place of the last of :func:`token_graphs`: context and ``x``
    of the last block to its hidden states (rows, hidden)."""
    context, x, hidden = _Parts(config, weights, quantised)._block(config.num_hidden_layers - 1)
    return openvino.Model([hidden], [context, x])


class _Parts:
    def __init__(self, config: ModelConfig, weights: Weights, quantised: bool) -> None:
        self.config, self.weights, self.quantised = config, weights, quantised

    def first(self) -> openvino.Model:
        tokens, segments, positions = (opset.parameter([-1], np.int32) for _ in range(3))
        x = opset.add(
            self._lookup("token_embedding/embeddings", tokens),
            self._lookup("segment_embedding/embeddings", segments),
        )
        if self.config.model_type == "bert":
            x = opset.add(x, self._lookup("position_embedding/embeddings", positions))
        x = self._norm("embedding_norm", x)
        if self.config.embedding_size != self.config.hidden_size:
            x = self._dense("embedding_mapping", x)
        return openvino.Model([x, self._qkv(0, x)], [tokens, segments, positions])

    def between(self, block: int) -> openvino.Model:
        context, x, hidden = self._block(block)
        return openvino.Model([hidden, self._qkv(block + 1, hidden)], [context, x])

    def last(self, block: int) -> openvino.Model:
        context, x, hidden = self._block(block)
        transformed = self._norm("lm_norm", self._activation(self._dense("lm_transform", hidden)))
        table = self.weights["token_embedding/embeddings"]
        scores = opset.add(_product(transformed, table, self.quantised), _row(self.weights["lm_bias"]))
        return openvino.Model([scores], [context, x])

    def _block(self, block: int) -> tuple[Any, Any, Any]:
        """Its two inputs and its output, from the attention's last product on."""
        name = f"block_{block}"
        context, x = (opset.parameter([-1, self.config.hidden_size], np.float32) for _ in range(2))
        attended = opset.add(self._dense(f"{name}/attention/output", context), x)
        attended = self._norm(f"{name}/attention_norm", attended)
        wide = self._activation(self._dense(f"{name}/intermediate", attended))
        return (
            context,
            x,
            self._norm(f"{name}/output_norm", opset.add(self._dense(f"{name}/output", wide), attended)),
        )

    def _qkv(self, block: int, x: Any) -> Any:
        name = f"block_{block}/attention/qkv"
        kernel = _for_attention(self.weights[f"{name}_kernel"], self.config)
        offset = _for_attention(self.weights[f"{name}_bias"], self.config)
        return opset.add(_product(x, kernel.T, self.quantised), _row(offset))

    def _dense(self, name: str, x: Any) -> Any:
        product = _product(x, self.weights[f"{name}/kernel"].T, self.quantised)
        return opset.add(product, _row(self.weights[f"{name}/bias"]))

    def _lookup(self, name: str, ids: Any) -> Any:
        return opset.gather(_constant(self.weights[name]), ids, opset.constant(np.int64(0)))

    def _norm(self, name: str, x: Any) -> Any:
        epsilon = float(self.config.layer_norm_eps or 0.0)
        normalised = opset.mvn(x, opset.constant(np.array([-1], np.int32)), True, epsilon, "inside_sqrt")
        scaled = opset.multiply(normalised, _row(self.weights[f"{name}/gamma"]))
        return opset.add(scaled, _row(self.weights[f"{name}/beta"]))

    def _activation(self, x: Any) -> Any:
        if self.config.hidden_act == "relu":
            return opset.relu(x)
        return opset.gelu(x, "erf" if self.config.hidden_act == "gelu" else "tanh")


def _product(x: Any, kernel: np.ndarray, quantised: bool) -> Any:
    """``x`` (rows, in) times the transpose of ``kernel`` (out, in).

    In int8 each row of ``x`` and each output of the kernel is divided by its largest absolute value and
    rounded to 127ths; products and sums are whole numbers. OpenVINO runs a ``FakeQuantize`` of constant range
    before a product with int8 weights on VNNI or AMX; bringing each row to that range before and back after
    makes it the row's own range, whatever the sentence.
    """
    if not quantised:
        if kernel.flags.c_contiguous:
            return opset.matmul(x, _constant(kernel), False, True)
        return opset.matmul(x, _constant(kernel.T), False, False)
    scale = np.maximum(np.abs(kernel).max(axis=1, keepdims=True) / 127.0, np.float32(1e-12))
    whole = opset.constant(np.round(kernel / scale).astype(np.int8))
    kernel_node = opset.multiply(opset.convert(whole, "f32"), opset.constant(scale.astype(np.float32)))
    largest = opset.reduce_max(opset.abs(x), opset.constant(np.array([-1], np.int32)), True)
    largest = opset.maximum(largest, opset.constant(np.float32(1e-12)))
    low, high = (opset.constant(np.float32(end)) for end in (-1.0, 1.0))
    rounded = opset.fake_quantize(opset.divide(x, largest), low, high, low, high, 255)
    return opset.multiply(opset.matmul(rounded, kernel_node, False, True), largest)


def _constant(array: np.ndarray) -> Any:
    """Without a copy. OpenVINO takes an array so if it could be written into, and does not write."""
    shared = np.ascontiguousarray(array).view()
    try:
        shared.setflags(write=True)
    except ValueError:  # somebody's own read-only memory
        return opset.constant(array)
    return opset.constant(shared, shared_memory=True)


def _for_attention(columns: np.ndarray, config: ModelConfig) -> np.ndarray:
    """Kernel or bias of queries, keys and values as the graphs give them, see :func:`token_graphs`."""
    parts = columns.reshape(*columns.shape[:-1], 3, config.num_attention_heads, config.head_size).copy()
    parts[..., 0, :, :] *= config.head_size**-0.5
    if config.model_type == "roformer":
        turned = parts[..., :2, :, :]
        parts[..., :2, :, :] = np.concatenate([turned[..., 0::2], turned[..., 1::2]], axis=-1)
    return parts.reshape(columns.shape)


def _row(values: np.ndarray) -> Any:
    return opset.constant(values[None].astype(np.float32))
