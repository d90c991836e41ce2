"""transformers' weight names to ours, for the parity runs only; the product has no converter yet."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np

from roformer_sim.checkpoints.bert_names import bert_shapes, from_bert
from roformer_sim.models import ModelConfig

_REPLACEMENTS = (
    (r"^roformer\.", "bert."),
    (r"encoder\.layer\.(\d+)\.", r"encoder.layer_\1."),
    (r"embeddings_project", "encoder.embedding_hidden_mapping_in"),
    (r"(word|token_type|position)_embeddings\.weight$", r"\1_embeddings"),
    (r"LayerNorm\.weight$", "LayerNorm.gamma"),
    (r"LayerNorm\.bias$", "LayerNorm.beta"),
    (r"^cls\.predictions\.(decoder\.)?bias$", "cls.predictions.output_bias"),
    (r"\.weight$", ".kernel"),
    (r"\.", "/"),
)


def bert_name(name: str) -> str:
    """``bert.encoder.layer.0.output.dense.weight`` to ``bert/encoder/layer_0/output/dense/kernel``."""
    for pattern, replacement in _REPLACEMENTS:
        name = re.sub(pattern, replacement, name)
    return name


def load_transformers(folder: Path) -> tuple[ModelConfig, dict[str, np.ndarray]]:
    """Configuration and weights that ``network_peer_transformers.py`` wrote.

    RoFormerForMaskedLM has no pooler; zeros stand in, and its output is not compared.
    """
    config = ModelConfig.from_dict(json.loads((folder / "config.json").read_text()))
    variables = {}
    with np.load(folder / "weights.npz") as file:
        for name in file.files:
            renamed = bert_name(name)
            variables[renamed] = file[name].T if renamed.endswith("/kernel") else file[name]
    for name, shape in bert_shapes(config).items():
        if name.startswith("bert/pooler/") and config.model_type == "roformer":
            variables[name] = np.zeros(shape, np.float32)
        if variables[name].shape != shape:
            raise SystemExit(f"error: {name}: {variables[name].shape} instead of {shape}")
    return config, from_bert(variables, config)
