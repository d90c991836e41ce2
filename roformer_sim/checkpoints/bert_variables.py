"""What readers of BERT checkpoints share: variables by name, whatever file they lie in, to a preset."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.checkpoints.bert4keras_extras import read_extras
from roformer_sim.checkpoints.bert_names import (
    POSITION_EMBEDDINGS,
    WORD_EMBEDDINGS,
    bert_shapes,
    from_bert,
    heads_among,
    unexpected,
)
from roformer_sim.checkpoints.preset import Preset, check_vocabulary, read_json
from roformer_sim.models import ModelConfig
from roformer_sim.text import Tokenizer

CONFIG, VOCABULARY = "bert_config.json", "vocab.txt"

ModelType = Literal["roformer", "bert"] | None

# What gives another network away: a part of a variable's name, a key of the configuration.
_FOREIGN_NAMES = {
    "ALBERT (blocks that share their weights)": "encoder/transformer/group_",
    "ELECTRA": "electra/",
    "T5": "SelfAttention/relative_attention_bias",
}
_FOREIGN_KEYS = {
    "NEZHA (relative positions)": ("use_relative_position", "max_relative_position"),
    "ALBERT (blocks that share their weights)": ("num_hidden_groups", "inner_group_num"),
    "T5": ("relative_attention_num_buckets", "d_kv"),
}


class BertVariables(Mapping[str, np.ndarray]):
    """Variables under the names of Google's BERT; each is read when it is asked for.

    Args:
        where: The file that errors about names and shapes give.
        shapes: Of all variables.
    """

    def __init__(self, where: Path, shapes: Mapping[str, tuple[int, ...]]) -> None:
        self.where, self.shapes = where, dict(shapes)

    def __getitem__(self, name: str) -> np.ndarray:
        values = self.read(name)
        if not np.issubdtype(values.dtype, np.floating):
            raise InputError(f"{self.where}: variable {name} is {values.dtype}, not floating point")
        if not np.isfinite(values).all():
            raise InputError(f"{self.data_file(name)}: variable {name} holds NaN or infinite values")
        return values

    def __iter__(self) -> Iterator[str]:
        return iter(self.shapes)

    def __len__(self) -> int:
        return len(self.shapes)

    @abstractmethod
    def read(self, name: str) -> np.ndarray:
        """One variable as the file has it.

        Raises:
            InputError: The file is damaged there; it is named.
        """

    def data_file(self, name: str) -> str:
        """The file that errors about a variable's values give."""
        return str(self.where)

    def check(self, config: ModelConfig) -> None:
        """Refuse a variable that is missing, of another shape or unknown; the first one is named.

        Raises:
            InputError: Also a network of another family, which is named.
        """
        for family, part in _FOREIGN_NAMES.items():
            if any(part in name for name in self.shapes):
                raise InputError(f"{self.where}: the weights of {family}; only BERT and RoFormer are read")
        for name, shape in bert_shapes(config).items():
            if name not in self.shapes:
                raise InputError(f"{self.where}: variable {name} {list(shape)} is missing")
            if self.shapes[name] != shape:
                raise InputError(
                    f"{self.where}: variable {name} has shape {list(self.shapes[name])}, "
                    f"{CONFIG} asks for {list(shape)}"
                )
        extra = unexpected(self.shapes, config)
        if extra:
            raise InputError(
                f"{self.where}: variable {extra[0]} {list(self.shapes[extra[0]])} has no place in a "
                f"{config.model_type} network ({len(extra)} unknown in all)"
            )


def check_family(folder: Path) -> None:
    """Refuse a ``bert_config.json`` with keys of other networks, some of which have BERT's variables.

    Raises:
        InputError: The network is named.
    """
    path = folder / CONFIG
    keys = read_json(path) if path.is_file() else {}
    for family, foreign in _FOREIGN_KEYS.items():
        found = [key for key in foreign if key in keys]
        if found:
            raise InputError(f"{path}: {found[0]} belongs to {family}; only BERT and RoFormer are read")


def read_config(folder: Path, variables: BertVariables, model_type: ModelType = None) -> ModelConfig:
    """The configuration of ``bert_config.json`` with what the variables tell.

    Args:
        model_type: ``None`` takes weights with position embeddings for BERT, those without for RoFormer.

    Raises:
        InputError: The file is damaged, or describes another family.
    """
    check_family(folder)
    if model_type is None:
        model_type = "bert" if POSITION_EMBEDDINGS in variables.shapes else "roformer"
    heads: dict[str, Any] = heads_among(variables.shapes)
    ours: dict[str, Any] = read_extras(folder).config()
    if not heads["has_pooler"] and ours.get("pooling", "P2") == "P2":
        ours["pooling"] = "P1"
    return ModelConfig.from_file(folder / CONFIG, model_type=model_type, **heads, **ours)


def read_preset(
    folder: Path, variables: BertVariables, model_type: ModelType, source: dict[str, str]
) -> Preset:
    """The whole folder.

    Raises:
        InputError: Something is missing, damaged or does not fit.
    """
    config = read_config(folder, variables, model_type)
    extras = read_extras(folder)
    tokenizer = Tokenizer.from_file(folder / VOCABULARY, **extras.tokenizer)
    _check_rows(tokenizer, config, variables, folder)
    variables.check(config)
    check_vocabulary(tokenizer, config, folder)
    return Preset(config, tokenizer, from_bert(variables, config), extras.metadata | {"source": source})


def _check_rows(tokenizer: Tokenizer, config: ModelConfig, variables: BertVariables, folder: Path) -> None:
    """Tell weights of a simplified vocabulary beside the full one: it is the usual way to lose the map."""
    rows = variables.shapes.get(WORD_EMBEDDINGS, (0,))[0]
    if rows == config.vocab_size or tokenizer.vocab_size != config.vocab_size:
        return
    simplified, _ = tokenizer.simplified()
    if rows == simplified.vocab_size:
        raise InputError(
            f"{folder}: the weights are of {rows} tokens, {VOCABULARY} and {CONFIG} of {config.vocab_size}: "
            f"they were trained with the simplified vocabulary (keep_tokens), which has {rows} here; put its "
            f"tokens into {VOCABULARY} and their number into {CONFIG}"
        )
