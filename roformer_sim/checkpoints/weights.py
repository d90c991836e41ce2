"""Weights by name: what a network holds, and putting arrays into it with every mismatch named."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.models.config import ModelConfig

if TYPE_CHECKING:
    from roformer_sim.models.backbone import Backbone


def weight_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """:func:`weight_names` of a network of this configuration, told without building it."""
    hidden, inner = config.hidden_size, config.intermediate_size
    width = int(config.embedding_size or hidden)
    tables = {"token": config.vocab_size, "segment": config.type_vocab_size}
    if config.model_type == "bert":
        tables["position"] = config.max_position_embeddings
    shapes: dict[str, tuple[int, ...]] = {"lm_bias": (config.vocab_size,)} if config.has_lm_head else {}
    shapes.update({f"{table}_embedding/embeddings": (rows, width) for table, rows in tables.items()})

    def dense(name: str, inputs: int, outputs: int, joint: str = "/") -> None:
        shapes.update({f"{name}{joint}kernel": (inputs, outputs), f"{name}{joint}bias": (outputs,)})

    def norm(name: str, size: int) -> None:
        shapes.update({f"{name}/gamma": (size,), f"{name}/beta": (size,)})

    norm("embedding_norm", width)
    if width != hidden:
        dense("embedding_mapping", width, hidden)
    for block in (f"block_{i}" for i in range(config.num_hidden_layers)):
        dense(f"{block}/attention/qkv", hidden, 3 * hidden, joint="_")
        dense(f"{block}/attention/output", hidden, hidden)
        norm(f"{block}/attention_norm", hidden)
        dense(f"{block}/intermediate", hidden, inner)
        dense(f"{block}/output", inner, hidden)
        norm(f"{block}/output_norm", hidden)
    if config.has_pooler:
        dense("pooler", hidden, hidden)
    if config.has_lm_head:
        dense("lm_transform", hidden, width)
        norm("lm_norm", width)
    return shapes


def weight_names(backbone: Backbone) -> dict[str, tuple[int, ...]]:
    """Names such as ``block_0/attention/qkv_kernel`` and their shapes."""
    return {_name(variable): tuple(variable.shape) for variable in backbone.weights}


def read_weights(backbone: Backbone) -> dict[str, np.ndarray]:
    """All weights as float32 arrays by name."""
    from keras import ops

    return {_name(v): ops.convert_to_numpy(v.value).astype(np.float32) for v in backbone.weights}


def assign_weights(backbone: Backbone, arrays: Mapping[str, np.ndarray], where: str | Path) -> None:
    """Put ``arrays`` into the network.

    Raises:
        InputError: A weight that is missing, extra or of another shape; the first one is named.
            Nothing has been assigned then.
    """
    assign_arrays({_name(variable): variable for variable in backbone.weights}, arrays, where)


def assign_arrays(
    variables: Mapping[str, Any], arrays: Mapping[str, np.ndarray], where: str | Path, kind: str = "weight"
) -> None:
    """Put ``arrays`` into the Keras variables of the same names; ``kind`` is what an error calls one.

    Raises:
        InputError: As :func:`assign_weights`.
    """
    expected = {name: tuple(variable.shape) for name, variable in variables.items()}
    check_shapes(expected, {name: tuple(array.shape) for name, array in arrays.items()}, where, kind)
    for name, variable in variables.items():
        array = arrays[name]
        variable.assign(array.astype(np.float32, copy=False) if array.dtype.kind == "f" else array)


def check_shapes(
    expected: Mapping[str, tuple[int, ...]],
    found: Mapping[str, tuple[int, ...]],
    where: str | Path,
    kind: str = "weight",
) -> None:
    """Refuse arrays that are not of the names and shapes expected.

    Raises:
        InputError: As :func:`assign_weights`.
    """
    for name, shape in expected.items():
        if name not in found:
            raise InputError(f"{where}: {kind} {name} {list(shape)} is missing")
        if found[name] != shape:
            raise InputError(
                f"{where}: {kind} {name} has shape {list(found[name])}, "
                f"the configuration asks for {list(shape)}{_hint(name)}"
            )
    extra = sorted(set(found) - set(expected))
    if extra:
        raise InputError(f"{where}: unexpected {kind} {extra[0]} ({len(extra)} in all)")


def _hint(name: str) -> str:
    if name not in ("token_embedding/embeddings", "lm_bias"):
        return ""
    return "; weights of a full vocabulary fit a simplified one only by its list of kept rows (keep_tokens)"


def _name(variable: object) -> str:
    # "backbone/block_0/attention/qkv_kernel": the first part is the model's own name.
    return variable.path.split("/", 1)[1]  # type: ignore[attr-defined]
