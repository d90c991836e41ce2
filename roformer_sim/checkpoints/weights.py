"""Weights by name: what a network holds, and putting arrays into it with every mismatch named."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

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
    expected = weight_names(backbone)
    for name, shape in expected.items():
        if name not in arrays:
            raise InputError(f"{where}: weight {name} {list(shape)} is missing")
        if tuple(arrays[name].shape) != shape:
            raise InputError(
                f"{where}: weight {name} has shape {list(arrays[name].shape)}, "
                f"the configuration asks for {list(shape)}"
            )
    extra = sorted(set(arrays) - set(expected))
    if extra:
        raise InputError(f"{where}: unexpected weight {extra[0]} ({len(extra)} in all)")
    for variable in backbone.weights:
        variable.assign(np.asarray(arrays[_name(variable)], dtype=np.float32))


def _name(variable: object) -> str:
    # "backbone/block_0/attention/qkv_kernel": the first part is the model's own name.
    return variable.path.split("/", 1)[1]  # type: ignore[attr-defined]
