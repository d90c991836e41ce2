"""A tiny model whose sentences end soon."""

from __future__ import annotations

import pytest

from roformer_sim import RoFormerSim
from roformer_sim.checkpoints import assign_weights, load_preset
from roformer_sim.models import Backbone


@pytest.fixture(scope="session")
def backbone(tiny_preset):
    """The tiny network with a bias towards [SEP]."""
    preset = load_preset(tiny_preset)
    preset.weights["lm_bias"][preset.tokenizer.sep_id] += 4.0
    network = Backbone(preset.config)
    assign_weights(network, preset.weights, "test")
    return network


@pytest.fixture(scope="session")
def generator(backbone, tiny_tokenizer):
    return RoFormerSim(backbone, tiny_tokenizer)
