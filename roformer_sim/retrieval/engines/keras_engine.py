"""Encoding by Keras itself, on TensorFlow or JAX."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from roformer_sim.models.backbone import Backbone
from roformer_sim.models.pooling import Pooling
from roformer_sim.retrieval.engines.base import EncoderEngine, Vectors, even

LENGTH_STEP = 8
"""Batch widths are rounded up to a multiple of this, so that few shapes are compiled."""

BATCH = 64


class PoolingHead(keras.Model):
    """(batch, length) token ids to a dict of sentence vectors, one a pooling, float32."""

    def __init__(self, backbone: Backbone, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.backbone = backbone
        self.built = True

    def call(self, token_ids: Any, training: bool | None = None) -> dict[str, Any]:
        states = self.backbone(token_ids, pattern="bidirectional", training=False)
        poolings = self.backbone.config.poolings
        return {pooling.value: self.backbone.pooled(states, pooling) for pooling in poolings}


class KerasEncoder(EncoderEngine):
    """Batches padded to their longest sentence, with the weights as they are at each call.

    Args:
        backbone: The network, of any dtype policy; shared, not copied.
    """

    name = "keras"

    def __init__(self, backbone: Backbone) -> None:
        self.config = backbone.config
        self._head = PoolingHead(backbone)
        self._forward = self._head.predict_on_batch
        if keras.backend.backend() == "jax":
            from roformer_sim.retrieval.engines.forward_jax import forward_of

            self._forward = forward_of(self._head)
        self._lock = threading.Lock()

    def encode(self, sentences: Sequence[np.ndarray], poolings: Sequence[Pooling]) -> Vectors:
        """See :meth:`EncoderEngine.encode`."""
        longest = max(map(len, sentences))
        self.config.check_length(longest)
        width = -(-longest // LENGTH_STEP) * LENGTH_STEP
        if self.config.model_type == "bert":
            width = min(width, self.config.max_position_embeddings)
        token_ids = np.full((len(sentences), width), self.config.pad_token_id, np.int32)
        for row, sentence in enumerate(sentences):
            token_ids[row, : len(sentence)] = sentence
        with self._lock:
            vectors = self._forward(token_ids)
        return {pooling: np.asarray(vectors[pooling.value]) for pooling in poolings}

    def batches(self, lengths: np.ndarray) -> list[int]:
        """See :meth:`EncoderEngine.batches`."""
        return even(len(lengths), BATCH)
