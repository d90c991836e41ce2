"""The post-norm Transformer block of BERT and RoFormer."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from roformer_sim.models.activation import activation
from roformer_sim.models.add_norm import add_and_norm
from roformer_sim.models.config import ModelConfig
from roformer_sim.models.rotary import apply_rotary, deinterleave

KeyValue = tuple[Any, Any]


def _initializer(config: ModelConfig) -> keras.initializers.Initializer:
    return keras.initializers.TruncatedNormal(stddev=config.initializer_range)


class SelfAttention(keras.layers.Layer):
    """Multi-head attention with an optional rotary turn of queries and keys.

    One kernel holds query, key and value side by side, so that a layer costs two matrix products.
    Scores and softmax are float32 whatever the compute dtype.
    """

    def __init__(self, config: ModelConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config = config
        self.heads, self.head_size = config.num_attention_heads, config.head_size
        self.output_dense = keras.layers.Dense(
            config.hidden_size,
            kernel_initializer=_initializer(config),
            dtype=self.dtype_policy,
            name="output",
        )
        self.dropout = keras.layers.Dropout(config.attention_probs_dropout_prob, dtype="float32")

    def build(self, input_shape: Any) -> None:
        width = self.config.hidden_size
        self.qkv_kernel = self.add_weight(
            shape=(width, 3 * width), initializer=_initializer(self.config), name="qkv_kernel"
        )
        self.qkv_bias = self.add_weight(shape=(3 * width,), initializer="zeros", name="qkv_bias")
        self.output_dense.build(input_shape)

    def call(
        self,
        x: Any,
        bias: Any,
        rotary: KeyValue | None = None,
        past: KeyValue | None = None,
        training: bool | None = None,
    ) -> tuple[Any, KeyValue]:
        """Attend; ``past`` keys and values (batch, past length, heads, head_size) come first.

        Returns:
            The output (batch, length, hidden) and the keys and values of all positions seen, past
            ones included, to be handed in as ``past`` of the next call.
        """
        batch, length, hidden = ops.shape(x)
        kernel, offset = ops.cast(self.qkv_kernel, x.dtype), ops.cast(self.qkv_bias, x.dtype)
        if rotary is not None:
            kernel, offset = self._in_halves(kernel), self._in_halves(offset)
        qkv = ops.reshape(ops.matmul(x, kernel) + offset, (batch, length, 3 * self.heads, self.head_size))
        query, key, value = ops.split(qkv, 3, axis=2)
        if rotary is not None:
            cosine, sine = (ops.cast(angle, query.dtype) for angle in rotary)
            query, key = apply_rotary(query, cosine, sine), apply_rotary(key, cosine, sine)
        if past is not None:
            key = ops.concatenate([past[0], key], axis=1)
            value = ops.concatenate([past[1], value], axis=1)
        query, key_, value_ = (ops.transpose(t, (0, 2, 1, 3)) for t in (query, key, value))
        scores = ops.matmul(query * self.head_size**-0.5, ops.transpose(key_, (0, 1, 3, 2)))
        scores = ops.cast(scores, "float32") + ops.cast(bias, "float32")
        weights = self.dropout(ops.softmax(scores, axis=-1), training=training)
        context = ops.transpose(ops.matmul(ops.cast(weights, value.dtype), value_), (0, 2, 1, 3))
        return self.output_dense(ops.reshape(context, (batch, length, hidden))), (key, value)

    def _in_halves(self, columns: Any) -> Any:
        """Kernel or bias with the query and key columns in the order :func:`apply_rotary` wants."""
        turned, value = ops.split(columns, [2 * self.config.hidden_size], axis=-1)
        return ops.concatenate([deinterleave(turned, self.head_size), value], axis=-1)


class TransformerBlock(keras.layers.Layer):
    """Attention, add, norm, feed-forward, add, norm."""

    def __init__(self, config: ModelConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        policy = self.dtype_policy
        epsilon = config.layer_norm_eps
        self.hidden_size, self.intermediate_size = config.hidden_size, config.intermediate_size
        self.attention = SelfAttention(config, dtype=policy, name="attention")
        self.attention_norm = keras.layers.LayerNormalization(
            epsilon=epsilon, dtype=policy, name="attention_norm"
        )
        self.intermediate = keras.layers.Dense(
            config.intermediate_size,
            kernel_initializer=_initializer(config),
            dtype=policy,
            name="intermediate",
        )
        self.activation = activation(config.hidden_act)
        self.output_dense = keras.layers.Dense(
            config.hidden_size, kernel_initializer=_initializer(config), dtype=policy, name="output"
        )
        self.output_norm = keras.layers.LayerNormalization(epsilon=epsilon, dtype=policy, name="output_norm")
        self.dropout = keras.layers.Dropout(config.hidden_dropout_prob, dtype=policy)

    def build(self, input_shape: Any) -> None:
        self.attention.build(input_shape)
        self.attention_norm.build(input_shape)
        self.intermediate.build(input_shape)
        self.output_dense.build((*input_shape[:-1], self.intermediate_size))
        self.output_norm.build(input_shape)

    def call(
        self,
        x: Any,
        bias: Any,
        rotary: KeyValue | None = None,
        past: KeyValue | None = None,
        training: bool | None = None,
    ) -> tuple[Any, KeyValue]:
        attended, keys_values = self.attention(x, bias=bias, rotary=rotary, past=past, training=training)
        x = add_and_norm(x, attended, self.dropout, self.attention_norm, training)
        transformed = self.output_dense(self.activation(self.intermediate(x), training))
        return add_and_norm(x, transformed, self.dropout, self.output_norm, training), keys_values
