"""Tiny random presets that are written in other formats."""

from __future__ import annotations

from typing import Any

import numpy as np

from roformer_sim.checkpoints import Preset, weight_shapes
from roformer_sim.models import ModelConfig
from roformer_sim.text import Tokenizer

TEXTS = (
    "广州和深圳哪个好？",
    "科学技术是第一生产力，怎么开通花呗呢",
    "iPhone 15多少便宜,ABC app!",
    "我",
)
CHARACTERS = "广州和深圳哪个好科学技术是第一生产力怎么开通花呗呢的我多少便宜，？！,.!"
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *CHARACTERS]
VOCABULARY += ["iphone", "app", "a", "##b", "##c", "1", "##5"]

FAMILIES: dict[str, dict[str, Any]] = {
    "RoFormer": {},
    "RoFormer, narrow embeddings": {"embedding_size": 12, "hidden_act": "gelu_new"},
    "RoFormer, no pooler, no LM head": {"has_pooler": False, "has_lm_head": False, "pooling": "P3"},
    "RoFormer, no LM head": {"has_lm_head": False},
    "BERT": {"model_type": "bert"},
    "BERT, no pooler": {"model_type": "bert", "has_pooler": False, "pooling": "P1"},
    "BERT, no LM head": {"model_type": "bert", "has_lm_head": False, "layer_norm_eps": 1e-5},
}
"""Configurations by what the table calls them."""


def random_preset(**changes: Any) -> Preset:
    """Two blocks of width 24 with two heads; keywords change the configuration."""
    sizes = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 40}
    values = {**sizes, "vocab_size": len(VOCABULARY), "max_position_embeddings": 48, **changes}
    config = ModelConfig.from_dict(values)
    rng = np.random.default_rng(20240601)
    weights = {}
    for name, shape in weight_shapes(config).items():
        centre = 1.0 if name.endswith("gamma") else 0.0
        weights[name] = (centre + 0.25 * rng.standard_normal(shape)).astype(np.float32)
    return Preset(config, Tokenizer(VOCABULARY), weights, {"made_by": "tests"})


def same_bytes(a: Preset, b: Preset) -> bool:
    """Whether all weights are equal bit for bit."""
    if set(a.weights) != set(b.weights):
        return False
    return all(
        np.ascontiguousarray(a.weights[k]).tobytes() == np.ascontiguousarray(b.weights[k]).tobytes()
        for k in a.weights
    )
