"""The post-norm Transformer block of BERT and RoFormer."""

from __future__ import annotations

from typing import Any

import keras

from roformer_sim.models.activation import activation
from roformer_sim.models.add_norm import add_and_norm
from roformer_sim.models.attention import KeyValue, SelfAttention
from roformer_sim.models.config import ModelConfig
from roformer_sim.models.initializer import initializer


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
            kernel_initializer=initializer(config),
            dtype=policy,
            name="intermediate",
        )
        self.activation = activation(config.hidden_act)
        self.output_dense = keras.layers.Dense(
            config.hidden_size, kernel_initializer=initializer(config), dtype=policy, name="output"
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
        rotary: tuple[Any, Any] | None = None,
        training: bool | None = None,
    ) -> tuple[Any, KeyValue]:
        attended, keys_values = self.attention(x, bias=bias, rotary=rotary, training=training)
        x = add_and_norm(x, attended, self.dropout, self.attention_norm, training)
        transformed = self.output_dense(self.activation(self.intermediate(x), training))
        return add_and_norm(x, transformed, self.dropout, self.output_norm, training), keys_values
