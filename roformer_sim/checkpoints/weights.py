"""Weights by name: what a network holds, and putting arrays into it with every mismatch named."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from keras import ops

from corpus_builder.errors import InputError
from roformer_sim.models import Backbone


def weight_names(backbone: Backbone) -> dict[str, tuple[int, ...]]:
    """Names such as ``block_0/attention/qkv_kernel`` and their shapes."""
    return {_name(variable): tuple(variable.shape) for variable in backbone.weights}


def read_weights(backbone: Backbone) -> dict[str, np.ndarray]:
    """All weights as float32 arrays by name."""
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
    for name, variable in variables.items():
        shape = tuple(variable.shape)
        if name not in arrays:
            raise InputError(f"{where}: {kind} {name} {list(shape)} is missing")
        if tuple(arrays[name].shape) != shape:
            raise InputError(
                f"{where}: {kind} {name} has shape {list(arrays[name].shape)}, "
                f"the configuration asks for {list(shape)}"
            )
    extra = sorted(set(arrays) - set(variables))
    if extra:
        raise InputError(f"{where}: unexpected {kind} {extra[0]} ({len(extra)} in all)")
    for name, variable in variables.items():
        array = arrays[name]
        variable.assign(array.astype(np.float32, copy=False) if array.dtype.kind == "f" else array)


def _name(variable: object) -> str:
    # "backbone/block_0/attention/qkv_kernel": the first part is the model's own name.
    return variable.path.split("/", 1)[1]  # type: ignore[attr-defined]
