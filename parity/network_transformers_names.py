"""What ``network_peer_transformers.py`` wrote, under our names: the product's own mapping."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from roformer_sim.checkpoints import weight_shapes
from roformer_sim.checkpoints.huggingface_names import is_turned, parts, plain_name, tensor_shapes
from roformer_sim.models import ModelConfig


def load_transformers(folder: Path) -> tuple[ModelConfig, dict[str, np.ndarray]]:
    """Configuration and weights that ``network_peer_transformers.py`` wrote.

    RoFormerForMaskedLM has no pooler; zeros stand in, and its output is not compared.
    """
    config = ModelConfig.from_dict(json.loads((folder / "config.json").read_text()))
    with np.load(folder / "weights.npz") as file:
        tensors = {plain_name(name): file[name] for name in file.files}
    if config.model_type == "roformer":
        hidden = config.hidden_size
        tensors["pooler.dense.weight"] = np.zeros((hidden, hidden), np.float32)
        tensors["pooler.dense.bias"] = np.zeros(hidden, np.float32)
    for name, shape in tensor_shapes(config).items():
        if tensors[name].shape != shape:
            raise SystemExit(f"error: {name}: {tensors[name].shape} instead of {shape}")
    weights = {}
    for ours, theirs in parts(config).items():
        turned = [tensors[name].T if is_turned(name) else tensors[name] for name in theirs]
        weights[ours] = np.concatenate(turned, axis=-1)
    assert {name: array.shape for name, array in weights.items()} == weight_shapes(config)
    return config, weights
