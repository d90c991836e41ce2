"""RoFormer and BERT: embeddings, blocks, pooler and language-model head in one network."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
from keras import ops

from roformer_sim.models.activation import activation
from roformer_sim.models.config import ModelConfig
from roformer_sim.models.initializer import initializer
from roformer_sim.models.pooling import Pooling, masked_mean
from roformer_sim.models.rotary import rotary_angles
from roformer_sim.models.transformer import TransformerBlock
from roformer_sim.models.unilm_mask import AttentionPattern, attention_bias


class HiddenStates(NamedTuple):
    """Outputs of the first and the last block, (batch, length, hidden), and the padding mask."""

    first: Any
    last: Any
    token_mask: Any


class Backbone(keras.Model):
    """The network of SimBERT (BERT) and RoFormer-Sim (RoFormer), for both of its jobs.

    One call gives hidden states; :meth:`pooled` makes sentence vectors of them and
    :meth:`lm_logits` next-token scores. Which tokens see which is chosen at the call
    (``pattern="unilm"`` or ``"bidirectional"``), and padding changes nothing.

    Args:
        config: The network's shape.
        dtype: Keras dtype policy, ``"float32"`` or ``"mixed_bfloat16"``.

    Raises:
        InputError: At a call, more tokens than a BERT network has positions.

    Example:
        >>> backbone = Backbone(ModelConfig(vocab_size=12000, hidden_size=384, num_hidden_layers=6,
        ...                                 num_attention_heads=6, intermediate_size=1536))
        >>> states = backbone([[101, 2769, 102]], [[0, 0, 0]])
        >>> backbone.pooled(states, "P1").shape
        (1, 384)

    Reference:
        Su, RoFormer (arXiv:2104.09864); Dong et al., UniLM (arXiv:1905.03197);
        https://kexue.fm/archives/7427 (SimBERT), https://kexue.fm/archives/8454 (RoFormer-Sim).
    """

    def __init__(self, config: ModelConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config = config
        policy = self.dtype_policy
        epsilon, width = config.layer_norm_eps, config.embedding_size or config.hidden_size

        def embedding(rows: int, name: str) -> keras.layers.Embedding:
            return keras.layers.Embedding(rows, width, initializer(config), dtype=policy, name=name)

        def dense(units: int, name: str) -> keras.layers.Dense:
            return keras.layers.Dense(units, kernel_initializer=initializer(config), dtype=policy, name=name)

        def norm(name: str, epsilon: float | None = epsilon) -> keras.layers.LayerNormalization:
            return keras.layers.LayerNormalization(epsilon=epsilon, dtype=policy, name=name)

        self.token_embedding = embedding(config.vocab_size, "token_embedding")
        self.segment_embedding = embedding(config.type_vocab_size, "segment_embedding")
        self.position_embedding = None
        if config.model_type == "bert":
            self.position_embedding = embedding(config.max_position_embeddings, "position_embedding")
        self.embedding_norm = norm("embedding_norm")
        self.embedding_dropout = keras.layers.Dropout(config.hidden_dropout_prob, dtype=policy)
        self.embedding_mapping = None
        if config.embedding_size != config.hidden_size:
            self.embedding_mapping = dense(config.hidden_size, "embedding_mapping")
        self.blocks = [
            TransformerBlock(config, dtype=policy, name=f"block_{i}") for i in range(config.num_hidden_layers)
        ]
        self.pooler: Any = dense(config.hidden_size, "pooler") if config.has_pooler else None
        if config.has_lm_head:
            self.lm_transform = dense(width, "lm_transform")
            self.lm_activation = activation(config.lm_hidden_act or config.hidden_act)
            self.lm_norm = norm("lm_norm", config.lm_layer_norm_eps or epsilon)
        self.build()

    def build(self, input_shape: Any = None) -> None:
        if getattr(self, "built", False):
            return
        config = self.config
        embedded = (None, None, config.embedding_size)
        hidden = (None, None, config.hidden_size)
        for table in (self.token_embedding, self.segment_embedding, self.position_embedding):
            if table is not None:
                table.build()
        self.embedding_norm.build(embedded)
        if self.embedding_mapping is not None:
            self.embedding_mapping.build(embedded)
        for block in self.blocks:
            block.build(hidden)
        if self.pooler is not None:
            self.pooler.build(hidden)
        if config.has_lm_head:
            self.lm_transform.build(hidden)
            self.lm_norm.build(embedded)
            self.lm_bias = self.add_weight(shape=(config.vocab_size,), initializer="zeros", name="lm_bias")
        self.built = True

    def get_config(self) -> dict[str, Any]:
        return {**keras.layers.Layer.get_config(self), "config": self.config.model_dump()}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Backbone:
        return cls(**{**config, "config": ModelConfig.from_dict(config["config"])})

    def call(
        self,
        token_ids: Any,
        segment_ids: Any = None,
        pattern: AttentionPattern = "bidirectional",
        training: bool | None = None,
    ) -> HiddenStates:
        """Hidden states of (batch, length) token ids; positions holding the padding id count as absent."""
        token_ids = ops.convert_to_tensor(token_ids, dtype="int32")
        if segment_ids is None:
            segment_ids = ops.zeros_like(token_ids)
        segment_ids = ops.convert_to_tensor(segment_ids, dtype="int32")
        self.check_length(token_ids.shape[1])
        token_mask = ops.not_equal(token_ids, self.config.pad_token_id)
        bias = attention_bias(token_mask, segment_ids, pattern)
        positions = ops.arange(ops.shape(token_ids)[1], dtype="int32")
        x = self._embed(token_ids, segment_ids, positions, training)
        rotary = self._rotary(positions)
        first = None
        for block in self.blocks:
            x, _ = block(x, bias=bias, rotary=rotary, training=training)
            first = x if first is None else first
        return HiddenStates(first, x, token_mask)

    def _embed(self, token_ids: Any, segment_ids: Any, positions: Any, training: bool | None) -> Any:
        # Two rows picked by a product: the gradient of a lookup with so few rows is far slower.
        segments = ops.one_hot(segment_ids, self.config.type_vocab_size, dtype=self.compute_dtype)
        table = ops.cast(self.segment_embedding.embeddings, self.compute_dtype)
        x = self.token_embedding(token_ids) + ops.matmul(segments, table)
        if self.position_embedding is not None:
            x = x + self.position_embedding(positions)
        x = self.embedding_dropout(self.embedding_norm(x), training=training)
        return x if self.embedding_mapping is None else self.embedding_mapping(x)

    def check_length(self, length: int | None) -> None:
        """:meth:`ModelConfig.check_length`; ``None`` is a length not known before the call runs."""
        if length is not None:
            self.config.check_length(length)

    def _rotary(self, positions: Any) -> tuple[Any, Any] | None:
        if self.config.model_type != "roformer":
            return None
        return rotary_angles(positions, self.config.head_size)

    def pooled(self, states: HiddenStates, pooling: Pooling | str) -> Any:
        """Sentence vectors (batch, hidden), float32, not normalised.

        Raises:
            InputError: P2 of a network without a pooler.
        """
        pooling = Pooling(pooling)
        self.config.check_pooling(pooling)
        if pooling is Pooling.P3:
            return masked_mean(states.last, states.token_mask)
        if pooling is Pooling.P4:
            first, last = ops.cast(states.first, "float32"), ops.cast(states.last, "float32")
            return masked_mean((first + last) / 2.0, states.token_mask)
        cls = states.last[:, 0]
        return ops.cast(self.pooler(cls) if pooling is Pooling.P2 else cls, "float32")

    def lm_logits(self, hidden: Any) -> Any:
        """Next-token scores before the softmax, float32: (..., hidden) to (..., vocabulary).

        Dense, activation, LayerNorm, then the product with the token embedding (tied) and a bias.

        Raises:
            InputError: The network has no such head.
        """
        self.config.check_generates()
        x = self.lm_norm(self.lm_activation(self.lm_transform(hidden), False))
        table = ops.cast(self.token_embedding.embeddings, x.dtype)
        return ops.cast(ops.matmul(x, ops.transpose(table)), "float32") + ops.cast(self.lm_bias, "float32")
