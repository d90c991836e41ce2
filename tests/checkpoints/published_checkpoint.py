"""Configuration, variables and writing of a checkpoint as upstream publishes it, small."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"广州和深圳哪个好？"]
HIDDEN, INTERMEDIATE, LAYERS, POSITIONS, SIZE = 8, 16, 2, 12, len(VOCABULARY)

# As published: keys about pooling and direction beside the network's shape.
BERT_CONFIG = {
    "attention_probs_dropout_prob": 0.1,
    "directionality": "bidi",
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": HIDDEN,
    "initializer_range": 0.02,
    "intermediate_size": INTERMEDIATE,
    "max_position_embeddings": POSITIONS,
    "num_attention_heads": 2,
    "num_hidden_layers": LAYERS,
    "pooler_type": "first_token_transform",
    "type_vocab_size": 2,
    "vocab_size": SIZE,
}


def published_shapes(model_type: str, width: int = HIDDEN) -> dict[str, tuple[int, ...]]:
    """Names and shapes as an index of upstream's lists them, written out here by hand."""
    shapes: dict[str, tuple[int, ...]] = {
        "bert/embeddings/word_embeddings": (SIZE, width),
        "bert/embeddings/token_type_embeddings": (2, width),
        "bert/embeddings/LayerNorm/beta": (width,),
        "bert/embeddings/LayerNorm/gamma": (width,),
        "bert/pooler/dense/kernel": (HIDDEN, HIDDEN),
        "bert/pooler/dense/bias": (HIDDEN,),
        "cls/predictions/output_bias": (SIZE,),
        "cls/predictions/transform/dense/kernel": (HIDDEN, width),
        "cls/predictions/transform/dense/bias": (width,),
        "cls/predictions/transform/LayerNorm/beta": (width,),
        "cls/predictions/transform/LayerNorm/gamma": (width,),
    }
    if model_type == "bert":
        shapes["bert/embeddings/position_embeddings"] = (POSITIONS, width)
    if width != HIDDEN:
        shapes["bert/encoder/embedding_hidden_mapping_in/kernel"] = (width, HIDDEN)
        shapes["bert/encoder/embedding_hidden_mapping_in/bias"] = (HIDDEN,)
    for layer in range(LAYERS):
        prefix = f"bert/encoder/layer_{layer}/"
        for part in ("self/query", "self/key", "self/value", "output/dense"):
            shapes[f"{prefix}attention/{part}/kernel"] = (HIDDEN, HIDDEN)
            shapes[f"{prefix}attention/{part}/bias"] = (HIDDEN,)
        for norm in ("attention/output/LayerNorm", "output/LayerNorm"):
            shapes[f"{prefix}{norm}/beta"] = shapes[f"{prefix}{norm}/gamma"] = (HIDDEN,)
        shapes[f"{prefix}intermediate/dense/kernel"] = (HIDDEN, INTERMEDIATE)
        shapes[f"{prefix}intermediate/dense/bias"] = (INTERMEDIATE,)
        shapes[f"{prefix}output/dense/kernel"] = (INTERMEDIATE, HIDDEN)
        shapes[f"{prefix}output/dense/bias"] = (HIDDEN,)
    return shapes


def random_variables(model_type: str, width: int = HIDDEN) -> dict[str, np.ndarray]:
    """A value for each of them; no two entries are the same."""
    rng = np.random.default_rng(11)
    shapes = published_shapes(model_type, width)
    return {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def write_checkpoint(folder: Path, variables: dict[str, np.ndarray], name: str = "bert_model.ckpt") -> None:
    """``<name>.index`` and ``<name>.data-00000-of-00001``."""
    import tensorflow as tf

    tf.raw_ops.SaveV2(
        prefix=str(folder / name),
        tensor_names=list(variables),
        shape_and_slices=[""] * len(variables),
        tensors=list(variables.values()),
    )


@pytest.fixture
def published(tmp_path: Path) -> Callable[..., Path]:
    """Writes a folder with configuration, vocabulary and checkpoint; keywords change it."""
    pytest.importorskip("tensorflow", reason="writing a TensorFlow checkpoint needs TensorFlow")

    def write(variables: dict[str, np.ndarray], **config: object) -> Path:
        folder = tmp_path / "chinese_tiny_L-2_H-8_A-2"
        folder.mkdir()
        (folder / "bert_config.json").write_text(json.dumps(BERT_CONFIG | config))
        (folder / "vocab.txt").write_text("".join(f"{token}\n" for token in VOCABULARY))
        (folder / "checkpoint").write_text('model_checkpoint_path: "/elsewhere/bert_model.ckpt"\n')
        write_checkpoint(folder, variables)
        return folder

    return write
