"""A tiny model whose sentences end soon."""

from __future__ import annotations

import keras
import pytest

from roformer_sim import RoFormerSim
from roformer_sim.checkpoints import assign_weights, load_preset
from roformer_sim.models import Backbone


@pytest.fixture(scope="session")
def backbone(tiny_preset):
    """The tiny network with a bias towards [SEP].

    On JAX its steps are compiled as a whole: single operations would be compiled one by one for each of
    the lengths that decoding goes through.
    """
    preset = load_preset(tiny_preset)
    preset.weights["lm_bias"][preset.tokenizer.sep_id] += 4.0
    network = Backbone(preset.config)
    assign_weights(network, preset.weights, "test")
    if keras.backend.backend() == "jax":
        import jax

        network.prefill, network.decode_step = jax.jit(network.prefill), jax.jit(network.decode_step)
    return network


@pytest.fixture(scope="session")
def generator(backbone, tiny_tokenizer):
    return RoFormerSim(backbone, tiny_tokenizer)
