"""Tiny networks of random weights, and what they give without any keeping of keys and values."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from roformer_sim.checkpoints import assign_weights, weight_names
from roformer_sim.models import Backbone, ModelConfig

VOCABULARY, END = 150, 3
_ROWS, _WIDTH = 16, 40


class Reference:
    """One UniLM pass over source and target, for every token anew."""

    def __init__(self, backbone: Backbone) -> None:
        self._pass = lambda ids, segments: backbone.lm_logits(backbone(ids, segments, pattern="unilm").last)
        if keras.backend.backend() == "jax":
            import jax

            self._pass = jax.jit(self._pass)

    def scores(self, sources, targets) -> np.ndarray:
        """Scores (rows, vocabulary) of the token after each target, float64."""
        ids, segments = np.zeros((2, _ROWS, _WIDTH), np.int32)
        for row, (source, target) in enumerate(zip(sources, targets, strict=True)):
            ids[row, : len(source) + len(target)] = [*source, *target]
            segments[row, len(source) : len(source) + len(target)] = 1
        last = [len(source) + len(target) - 1 for source, target in zip(sources, targets, strict=True)]
        logits = ops.convert_to_numpy(self._pass(ids, segments))
        return logits[np.arange(len(last)), last].astype(np.float64)


def make_backbone(kind: str, dtype: str = "float32") -> Backbone:
    """Two blocks; ``roformer`` has narrower embeddings."""
    config = ModelConfig(
        model_type=kind,
        vocab_size=VOCABULARY,
        hidden_size=32,
        embedding_size=16 if kind == "roformer" else 32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=_WIDTH,
    )
    backbone, rng = Backbone(config, dtype=dtype), np.random.default_rng(7)
    weights = {
        name: (name.endswith("gamma") + 0.25 * rng.standard_normal(shape)).astype(np.float32)
        for name, shape in weight_names(backbone).items()
    }
    assign_weights(backbone, weights, "test")
    return backbone
