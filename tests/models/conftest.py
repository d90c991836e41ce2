"""Networks with every weight drawn at random, biases and norms included."""

from __future__ import annotations

from functools import partial

import keras
import numpy as np
import pytest
from keras import ops

from roformer_sim.checkpoints import assign_weights, weight_names
from roformer_sim.models import Backbone, ModelConfig, Pooling

SHAPE = {
    "vocab_size": 60,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
}


@pytest.fixture(scope="session")
def small_config():
    """Configurations of one small shape; keywords change it."""

    def make(**changes) -> ModelConfig:
        return ModelConfig(**{**SHAPE, **changes})

    return make


class Network:
    """A backbone and the very weights in it; a call gives everything it computes, as NumPy arrays.

    Returns by name: ``first`` and ``last`` hidden states, ``logits`` of all positions, ``P1`` to ``P4``.
    """

    def __init__(self, backbone: Backbone, weights: dict[str, np.ndarray]) -> None:
        self.backbone, self.weights = backbone, weights
        self._run = {
            pattern: one_program(partial(self._outputs, pattern=pattern))
            for pattern in ("unilm", "bidirectional")
        }

    def __call__(self, token_ids, segment_ids=None, pattern="bidirectional") -> dict[str, np.ndarray]:
        token_ids = np.asarray(token_ids, np.int32)
        return {
            name: ops.convert_to_numpy(value)
            for name, value in self._run[pattern](token_ids, segment_ids).items()
        }

    def _outputs(self, token_ids, segment_ids, pattern):
        states = self.backbone(token_ids, segment_ids, pattern=pattern)
        outputs = {pooling.value: self.backbone.pooled(states, pooling) for pooling in Pooling}
        outputs["logits"] = self.backbone.lm_logits(states.last)
        return outputs | {"first": states.first, "last": states.last}


def one_program(function):
    """The function compiled as a whole on JAX, which otherwise compiles each operation for each shape."""
    if keras.backend.backend() != "jax":
        return function
    import jax

    return jax.jit(function)


@pytest.fixture(scope="session")
def random_network():
    """A network of random weights: the same for a configuration, whatever backend and dtype."""
    made: dict[str, Network] = {}

    def make(config: ModelConfig, dtype: str = "float32") -> Network:
        key = f"{config!r} {dtype}"
        if key not in made:
            backbone = Backbone(config, dtype=dtype)
            rng = np.random.default_rng(7)
            weights = {
                name: (name.endswith("gamma") + 0.2 * rng.standard_normal(shape)).astype(np.float32)
                for name, shape in weight_names(backbone).items()
            }
            assign_weights(backbone, weights, "test")
            made[key] = Network(backbone, weights)
        return made[key]

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
