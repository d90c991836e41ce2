"""Our weight names and those of transformers' BERT and RoFormer classes."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from roformer_sim.checkpoints.bert_names import bert_shapes, sources
from roformer_sim.models import ModelConfig

POSITION_TABLE = "encoder.embed_positions.weight"
"""RoFormer's sines and cosines, which follow from the configuration."""

TIED_BIAS = "cls.predictions.decoder.bias"
TIED = {
    "cls.predictions.decoder.weight": "embeddings.word_embeddings.weight",
    TIED_BIAS: "cls.predictions.bias",
}
"""Tensors that are the same as others: by name the one it must equal."""

SURPLUS = (
    "embeddings.position_ids",  # 0, 1, 2, ...
    "cls.seq_relationship.weight",  # BERT's next-sentence head, which neither job uses
    "cls.seq_relationship.bias",
)
"""Read past, never in error."""

_FROM_GOOGLE = (
    (r"^bert/", ""),
    (r"^encoder/embedding_hidden_mapping_in/", "embeddings_project/"),
    (r"^encoder/layer_(\d+)/", r"encoder/layer/\1/"),
    (r"_embeddings$", "_embeddings/weight"),
    (r"/(kernel|gamma)$", "/weight"),
    (r"/beta$", "/bias"),
    (r"^cls/predictions/output_bias$", "cls/predictions/bias"),
    (r"/", "."),
)
_PREFIX = re.compile(r"^(bert|roformer)\.")
_OLD_NORMS = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}


def from_google(name: str) -> str:
    """``bert/encoder/layer_0/output/dense/kernel`` to ``encoder.layer.0.output.dense.weight``."""
    for pattern, replacement in _FROM_GOOGLE:
        name = re.sub(pattern, replacement, name)
    return name


def plain_name(name: str) -> str:
    """A tensor's name without the prefix of its model and with the norms' present names.

    ``bert.embeddings.LayerNorm.gamma`` to ``embeddings.LayerNorm.weight``: folders of the encoder alone
    have no prefix, and files of before 2019 call the norms as TensorFlow does.
    """
    name = _PREFIX.sub("", name)
    for old, new in _OLD_NORMS.items():
        if name.endswith(old):
            return name.removesuffix(old) + new
    return name


def parts(config: ModelConfig) -> dict[str, tuple[str, ...]]:
    """For each of our weights the plain name of its tensor, or of the three that it holds side by side."""
    return {ours: tuple(map(from_google, theirs)) for ours, theirs in sources(config).items()}


def is_turned(name: str) -> bool:
    """Whether a tensor is a layer's kernel, which torch keeps as (outputs, inputs) and we the other way."""
    return name.endswith(".weight") and "_embeddings." not in name and "LayerNorm." not in name


def tensor_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Every tensor that a folder of this configuration must hold, by plain name, with its shape."""
    shapes = {from_google(name): shape for name, shape in bert_shapes(config).items()}
    return {name: shape[::-1] if is_turned(name) else shape for name, shape in shapes.items()}


def full_name(name: str, config: ModelConfig) -> str:
    """The name within ``RoFormerForMaskedLM`` or ``BertForMaskedLM``, or within the encoder alone."""
    if name.startswith("cls.") or not config.has_lm_head:
        return name
    return f"{config.model_type}.{name}"


def heads_among(names: Iterable[str]) -> dict[str, bool]:
    """Which heads a file of these plain names has: keys of :class:`ModelConfig`.

    One tensor of a head makes it present, so that a head that is there in part is told by what it lacks.
    """
    found = list(names)
    return {
        "has_pooler": any(name.startswith("pooler.") for name in found),
        "has_lm_head": any(name.startswith("cls.predictions.") for name in found),
    }


def position_table(config: ModelConfig) -> np.ndarray:
    """RoFormer's ``embed_positions``: (positions, head size), sines in the left half, cosines in the right.

    ``sin(p * 10000^(-2i / d))`` for position ``p`` and pair ``i``, float32.
    """
    pairs = np.arange(config.head_size // 2)
    angles = np.arange(config.max_position_embeddings)[:, None] / 10000.0 ** (2.0 * pairs / config.head_size)
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1).astype(np.float32)
