"""Networks with every weight drawn at random, biases and norms included."""

from __future__ import annotations

import numpy as np
import pytest

from roformer_sim.checkpoints import assign_weights, weight_names
from roformer_sim.models import Backbone, ModelConfig

SHAPE = {
    "vocab_size": 60,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 48,
}


@pytest.fixture(scope="session")
def small_config():
    """Configurations of one small shape; keywords change it."""

    def make(**changes) -> ModelConfig:
        return ModelConfig(**{**SHAPE, **changes})

    return make


@pytest.fixture(scope="session")
def random_network():
    """A network and the very weights in it: the same for a configuration, whatever backend and dtype."""

    def make(config: ModelConfig, dtype: str = "float32") -> tuple[Backbone, dict[str, np.ndarray]]:
        backbone = Backbone(config, dtype=dtype)
        rng = np.random.default_rng(7)
        weights = {
            name: (name.endswith("gamma") + 0.2 * rng.standard_normal(shape)).astype(np.float32)
            for name, shape in weight_names(backbone).items()
        }
        assign_weights(backbone, weights, "test")
        return backbone, weights

    return make


@pytest.fixture(scope="session")
def random_rows():
    """Token and segment ids ``[CLS] a [SEP] b [SEP]`` of given source and target lengths, padded."""

    def make(lengths, width=None, vocab_size=60, seed=0) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(seed)
        width = width or max(map(sum, lengths))
        token_ids = np.zeros((len(lengths), width), np.int32)
        segment_ids = np.zeros((len(lengths), width), np.int32)
        for row, (source, target) in enumerate(lengths):
            token_ids[row, : source + target] = rng.integers(1, vocab_size, source + target)
            segment_ids[row, source : source + target] = 1
        return token_ids, segment_ids

    return make
