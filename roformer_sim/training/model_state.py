"""What training holds beyond the preset: optimiser, further layers, random state, as arrays by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from roformer_sim.checkpoints.preset import read_safetensors, write_safetensors
from roformer_sim.checkpoints.weights import assign_arrays
from roformer_sim.training.random_state import seed_states

OPTIMIZER, FURTHER, RANDOM = "optimizer.safetensors", "further.safetensors", "random_state.safetensors"


def write_model_state(place: Path, model: keras.Model) -> None:
    """Write the three files into an existing folder."""
    for name, (_, variables) in _parts(model).items():
        # Straight from one part to its file: two moments of a large network are the most a run holds.
        write_safetensors(place / name, {key: _array(v) for key, v in variables.items()})


def read_model_state(folder: Path, model: keras.Model) -> None:
    """Put the three files into a compiled model with a built optimiser.

    Raises:
        InputError: A file that is missing or damaged, or holds other values than this model has: the
            first difference is named.
    """
    for name, (kind, variables) in _parts(model).items():
        assign_arrays(variables, read_safetensors(folder / name), folder / name, kind)


def _parts(model: keras.Model) -> dict[str, tuple[str, Mapping[str, Any]]]:
    """Variables by file: what a value of it is called, and the values by name."""
    return {
        OPTIMIZER: ("optimiser value", {v.path: v for v in model.optimizer.variables}),
        FURTHER: ("weight", further_weights(model)),
        RANDOM: ("random state", seed_states(model)),
    }


def further_weights(model: keras.Model) -> dict[str, Any]:
    """Weights of the model that are not its backbone's, such as a classification head's, by path.

    The name of the model itself is left out: Keras numbers it where a process makes several.
    """
    inside = {id(variable) for variable in model.backbone.weights}
    further = [variable for variable in model.weights if id(variable) not in inside]
    return {variable.path.removeprefix(f"{model.name}/"): variable for variable in further}


def _array(variable: Any) -> np.ndarray:
    # As a tensor first: TensorFlow's variables of several replicas are no arrays to NumPy.
    return np.asarray(ops.convert_to_numpy(ops.convert_to_tensor(variable)), order="C")
