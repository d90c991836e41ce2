"""BERT's random initialisation."""

from __future__ import annotations

import keras

from roformer_sim.models.config import ModelConfig


def initializer(config: ModelConfig) -> keras.initializers.Initializer:
    """Truncated normal; one for each weight, because one initializer gives the same numbers at every call."""
    return keras.initializers.TruncatedNormal(stddev=config.initializer_range)
