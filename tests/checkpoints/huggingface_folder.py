"""A Hugging Face folder as transformers writes it, small, its names and keys written out by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from published_checkpoint import HIDDEN, INTERMEDIATE, LAYERS, POSITIONS, SIZE, VOCABULARY
from safetensors.numpy import save_file

CONFIG = {
    "attention_probs_dropout_prob": 0.1,
    "dtype": "float32",
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": HIDDEN,
    "id2label": {"0": "LABEL_0"},
    "initializer_range": 0.02,
    "intermediate_size": INTERMEDIATE,
    "is_decoder": False,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": POSITIONS,
    "num_attention_heads": 2,
    "num_hidden_layers": LAYERS,
    "pad_token_id": 0,
    "tie_word_embeddings": True,
    "transformers_version": "5.23.0",
    "type_vocab_size": 2,
    "use_cache": True,
    "vocab_size": SIZE,
}
CLASSES = {"roformer": "RoFormerForMaskedLM", "bert": "BertForPreTraining"}


def shapes(model_type: str, width: int = HIDDEN) -> dict[str, tuple[int, ...]]:
    """Names and shapes of ``RoFormerForMaskedLM`` or ``BertForPreTraining``."""
    net = f"{model_type}."
    found: dict[str, tuple[int, ...]] = {
        f"{net}embeddings.word_embeddings.weight": (SIZE, width),
        f"{net}embeddings.token_type_embeddings.weight": (2, width),
        f"{net}embeddings.LayerNorm.weight": (width,),
        f"{net}embeddings.LayerNorm.bias": (width,),
        "cls.predictions.bias": (SIZE,),
        "cls.predictions.transform.dense.weight": (width, HIDDEN),
        "cls.predictions.transform.dense.bias": (width,),
        "cls.predictions.transform.LayerNorm.weight": (width,),
        "cls.predictions.transform.LayerNorm.bias": (width,),
    }
    if model_type == "bert":
        found[f"{net}embeddings.position_embeddings.weight"] = (POSITIONS, width)
        found |= {f"{net}pooler.dense.weight": (HIDDEN, HIDDEN), f"{net}pooler.dense.bias": (HIDDEN,)}
        found |= {"cls.seq_relationship.weight": (2, HIDDEN), "cls.seq_relationship.bias": (2,)}
    if width != HIDDEN:
        found[f"{net}embeddings_project.weight"] = (HIDDEN, width)
        found[f"{net}embeddings_project.bias"] = (HIDDEN,)
    for layer in range(LAYERS):
        prefix = f"{net}encoder.layer.{layer}."
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            found[f"{prefix}attention.{part}.weight"] = (HIDDEN, HIDDEN)
            found[f"{prefix}attention.{part}.bias"] = (HIDDEN,)
        for norm in ("attention.output.LayerNorm", "output.LayerNorm"):
            found[f"{prefix}{norm}.weight"] = found[f"{prefix}{norm}.bias"] = (HIDDEN,)
        found[f"{prefix}intermediate.dense.weight"] = (INTERMEDIATE, HIDDEN)
        found[f"{prefix}intermediate.dense.bias"] = (INTERMEDIATE,)
        found[f"{prefix}output.dense.weight"] = (HIDDEN, INTERMEDIATE)
        found[f"{prefix}output.dense.bias"] = (HIDDEN,)
    return found


def random_tensors(model_type: str, width: int = HIDDEN) -> dict[str, np.ndarray]:
    """A value for each of them; no two entries are the same."""
    rng = np.random.default_rng(11)
    return {
        name: rng.standard_normal(shape).astype(np.float32)
        for name, shape in shapes(model_type, width).items()
    }


def write_settings(folder: Path, model_type: str, **changes: Any) -> None:
    """``config.json``, ``vocab.txt`` and ``tokenizer_config.json``; keywords change the first."""
    values = {
        **CONFIG,
        "model_type": model_type,
        "architectures": [CLASSES.get(model_type, "OtherModel")],
        **changes,
    }
    (folder / "config.json").write_text(json.dumps(values))
    (folder / "vocab.txt").write_text("".join(f"{token}\n" for token in VOCABULARY))
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "strip_accents": None}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


@pytest.fixture
def transformers_folder(tmp_path: Path) -> Callable[..., Path]:
    """Writes a folder with settings and ``model.safetensors``; keywords change the configuration."""

    def write(tensors: dict[str, np.ndarray], model_type: str = "roformer", **changes: Any) -> Path:
        folder = tmp_path / "tiny-model"
        folder.mkdir()
        write_settings(folder, model_type, **changes)
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        return folder

    return write
