"""The retrieval head: sentences to vectors, sorted by length so that little padding is computed."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.models import Backbone, Pooling
from roformer_sim.text import Tokenizer
from roformer_sim.text.encoding import Encoding

LENGTH_STEP = 8
"""Batch widths are rounded up to a multiple of this, so that few shapes are compiled."""


class PoolingHead(keras.Model):
    """(batch, length) token ids to a dict of sentence vectors, one a pooling, float32."""

    def __init__(self, backbone: Backbone, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.backbone = backbone
        self.built = True

    def call(self, token_ids: Any, training: bool | None = None) -> dict[str, Any]:
        states = self.backbone(token_ids, pattern="bidirectional", training=False)
        return {pooling.value: self.backbone.pooled(states, pooling) for pooling in Pooling}


class SentenceEncoder:
    """Encodes any number of sentences with one network.

    Args:
        backbone: The network; shared, not copied.
        tokenizer: Its tokenizer.
    """

    def __init__(self, backbone: Backbone, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self._head = PoolingHead(backbone)
        self._forward = self._head.predict_on_batch
        if keras.backend.backend() == "jax":
            from roformer_sim.retrieval.forward_jax import forward_of

            self._forward = forward_of(self._head)
        self._limit = (
            backbone.config.max_position_embeddings if backbone.config.model_type == "bert" else None
        )

    def encode(
        self,
        texts: Sequence[str],
        poolings: Sequence[Pooling | str] = (Pooling.P1,),
        *,
        normalize: bool = True,
        batch_size: int = 64,
        maxlen: int = 256,
        progress: bool = False,
    ) -> dict[Pooling, np.ndarray]:
        """Vectors of every text for each pooling, from one pass over the texts.

        Args:
            texts: Sentences; an empty one is encoded as [CLS] [SEP].
            poolings: Which vectors to return.
            normalize: Scale each vector to length 1.
            batch_size: Sentences a batch.
            maxlen: Most tokens of a sentence, [CLS] and [SEP] included; longer ones are cut with a
                warning.
            progress: Show a progress bar on stderr.

        Returns:
            Pooling to float32 (n, hidden), rows in the order of ``texts``.

        Raises:
            InputError: Not a list of strings, ``batch_size`` below 1, ``maxlen`` beyond a BERT's positions.
        """
        if isinstance(texts, str):
            raise InputError("texts is one string; give a list of strings")
        if batch_size < 1:
            raise InputError(f"batch_size must be at least 1, not {batch_size}")
        texts = list(texts)
        wanted = [Pooling(pooling) for pooling in poolings]
        if self._limit is not None and maxlen > self._limit:
            raise InputError(f"maxlen {maxlen} exceeds this network's {self._limit} positions")
        encodings = self.tokenizer.encode_batch(texts, maxlen=maxlen)
        cut = [i for i, encoding in enumerate(encodings) if encoding.truncated]
        if cut:
            warnings.warn(
                f"{len(cut)} of {len(texts)} texts cut to {maxlen} tokens, first: row {cut[0]}", stacklevel=2
            )
        # Longest first: the largest batch fails early if memory is short.
        order = np.argsort([-len(encoding) for encoding in encodings], kind="stable")
        width = self._head.backbone.config.hidden_size
        result = {pooling: np.empty((len(texts), width), np.float32) for pooling in wanted}
        for rows in _tracked([order[i : i + batch_size] for i in range(0, len(order), batch_size)], progress):
            vectors = self._forward(self._padded([encodings[i] for i in rows]))
            for pooling in wanted:
                result[pooling][rows] = vectors[pooling.value]
        if normalize:
            for vectors in result.values():
                vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return result

    def _padded(self, encodings: list[Encoding]) -> np.ndarray:
        width = -(-max(map(len, encodings)) // LENGTH_STEP) * LENGTH_STEP
        if self._limit is not None:
            width = min(width, self._limit)
        return self.tokenizer.pad(encodings, length=width)[0]


def _tracked(batches: list[np.ndarray], progress: bool) -> Any:
    if not progress:
        return batches
    from rich.console import Console
    from rich.progress import track

    return track(batches, "encoding", console=Console(stderr=True))
