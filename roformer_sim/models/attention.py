"""Multi-head self-attention with an optional rotary turn of queries and keys."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
from keras import ops

from roformer_sim.models.config import ModelConfig
from roformer_sim.models.fusing import fused
from roformer_sim.models.initializer import initializer
from roformer_sim.models.rotary import apply_rotary, deinterleave

KeyValue = tuple[Any, Any]
"""Keys and values, each (batch, heads, length, head_size)."""


class SelfAttention(keras.layers.Layer):
    """Multi-head attention (Vaswani et al., arXiv:1706.03762).

    One kernel holds query, key and value side by side, so that a layer costs two matrix products.
    Scores and softmax are float32 whatever the compute dtype.
    """

    def __init__(self, config: ModelConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config = config
        self.heads, self.head_size = config.num_attention_heads, config.head_size
        self.output_dense = keras.layers.Dense(
            config.hidden_size,
            kernel_initializer=initializer(config),
            dtype=self.dtype_policy,
            name="output",
        )
        self.dropout = keras.layers.Dropout(config.attention_probs_dropout_prob, dtype="float32")

    def build(self, input_shape: Any) -> None:
        width = self.config.hidden_size
        self.qkv_kernel = self.add_weight(
            shape=(width, 3 * width), initializer=initializer(self.config), name="qkv_kernel"
        )
        self.qkv_bias = self.add_weight(shape=(3 * width,), initializer="zeros", name="qkv_bias")
        self.output_dense.build(input_shape)

    def call(
        self,
        x: Any,
        bias: Any,
        rotary: tuple[Any, Any] | None = None,
        training: bool | None = None,
    ) -> tuple[Any, KeyValue]:
        """Attend.

        Args:
            x: (batch, length, hidden).
            bias: Added to the scores, (batch, 1, length or 1, length).
            rotary: Of :func:`rotary_angles`.

        Returns:
            The output, shaped as ``x``, and the keys and values.
        """
        batch, length, hidden = ops.shape(x)
        kernel, offset = ops.cast(self.qkv_kernel, x.dtype), ops.cast(self.qkv_bias, x.dtype)
        if rotary is not None:
            kernel, offset = self._in_halves(kernel), self._in_halves(offset)
            rotary = tuple(ops.cast(angle, x.dtype) for angle in rotary)
        query, key, value = split_heads(ops.matmul(x, kernel), offset, rotary, self.heads, training)
        scores = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2)))
        weights = attention_weights(scores, bias, self.dropout, training)
        context = ops.transpose(ops.matmul(ops.cast(weights, value.dtype), value), (0, 2, 1, 3))
        return self.output_dense(ops.reshape(context, (batch, length, hidden))), (key, value)

    def _in_halves(self, columns: Any) -> Any:
        """Kernel or bias with the query and key columns in the order :func:`apply_rotary` wants."""
        turned, value = ops.split(columns, [2 * self.config.hidden_size], axis=-1)
        return ops.concatenate([deinterleave(turned, self.head_size), value], axis=-1)


class Heads(NamedTuple):
    """Scaled queries, keys and values, each (batch, heads, length, head_size)."""

    query: Any
    key: Any
    value: Any


def split_heads(
    qkv: Any, offset: Any, rotary: tuple[Any, Any] | None, heads: int, training: bool | None
) -> Heads:
    """Add the bias, turn queries and keys, divide queries by the root of the head size, sort by heads.

    Args:
        qkv: (batch, length, 3 * hidden) queries, keys and values, heads in order within each.
        offset: (3 * hidden,) bias.
        rotary: Cosine and sine of :func:`rotary_angles`, ``None`` for networks without.
    """
    cosine, sine = (None, None) if rotary is None else rotary
    forward, backward = (_fused_split, _fused_join) if training else (_split, _join)

    @ops.custom_gradient
    def operation(qkv: Any, offset: Any) -> tuple[Any, Any]:
        def gradient(*upstreams: Any, upstream: Any = None) -> Any:
            given = upstreams if upstream is None else upstream
            query, key, value = given[0] if len(given) == 1 else given
            return backward(query, key, value, cosine, sine, qkv.shape[-1])

        return forward(qkv, offset, cosine, sine, heads), gradient

    return Heads(*operation(qkv, offset))


def _split(qkv: Any, offset: Any, cosine: Any, sine: Any, heads: int) -> tuple[Any, Any, Any]:
    batch, length, _ = ops.shape(qkv)
    size = qkv.shape[-1] // (3 * heads)
    parts = ops.reshape(qkv + offset, (batch, length, 3 * heads, size))
    query, key, value = ops.split(parts, 3, axis=2)
    query = query * size**-0.5
    if cosine is not None:
        query, key = apply_rotary(query, cosine, sine), apply_rotary(key, cosine, sine)
    query, key, value = (ops.transpose(part, (0, 2, 1, 3)) for part in (query, key, value))
    return query, key, value


def _join(query: Any, key: Any, value: Any, cosine: Any, sine: Any, width: int) -> tuple[Any, Any]:
    """The gradient of :func:`_split`: a turn is undone by the turn the other way round."""
    query, key, value = (ops.transpose(part, (0, 2, 1, 3)) for part in (query, key, value))
    if cosine is not None:
        query, key = apply_rotary(query, cosine, -sine), apply_rotary(key, cosine, -sine)
    batch, length = ops.shape(query)[:2]
    query = query * query.shape[-1] ** -0.5
    qkv = ops.reshape(ops.concatenate([query, key, value], axis=2), (batch, length, width))
    return qkv, ops.sum(qkv, axis=(0, 1))


_fused_split, _fused_join = fused(_split), fused(_join)


def attention_weights(scores: Any, bias: Any, dropout: keras.layers.Dropout, training: bool | None) -> Any:
    """``dropout(softmax(scores + bias))`` in float32, (batch, heads, length, positions).

    The gradient is written out: ``p * (g - sum(g * p))`` with ``p`` the softmax and ``g`` what comes
    through the dropout.
    """
    rate = float(dropout.rate) if training else 0.0
    uniform = None
    if rate:
        uniform = keras.random.uniform(ops.shape(scores), dtype="float32", seed=dropout.seed_generator)
    bias, dtype = ops.cast(bias, "float32"), scores.dtype

    @ops.custom_gradient
    def operation(scores: Any) -> tuple[Any, Any]:
        weights, probabilities, kept = _weigh(scores, bias, uniform, rate)

        def gradient(*arguments: Any, upstream: Any = None) -> Any:
            given = upstream if upstream is not None else arguments[0]
            return ops.cast(_weigh_back(given, probabilities, kept, rate), dtype)

        return weights, gradient

    return operation(scores)


def _weigh(scores: Any, bias: Any, uniform: Any, rate: float) -> tuple[Any, Any, Any]:
    probabilities = ops.softmax(ops.cast(scores, "float32") + bias, axis=-1)
    if uniform is None:
        return probabilities, probabilities, None
    kept = ops.greater_equal(uniform, rate)
    return ops.where(kept, probabilities * (1.0 / (1.0 - rate)), 0.0), probabilities, kept


def _weigh_back(upstream: Any, probabilities: Any, kept: Any, rate: float) -> Any:
    if kept is not None:
        upstream = ops.where(kept, upstream * (1.0 / (1.0 - rate)), 0.0)
    return probabilities * (upstream - ops.sum(upstream * probabilities, axis=-1, keepdims=True))
