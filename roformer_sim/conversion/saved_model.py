"""TensorFlow SavedModel, for TensorFlow Serving and for programs without this package.

``assets/vocab.txt``, and these signatures; token ids and segment ids are int32 of any number of rows and
tokens, [PAD] behind the shorter rows:

- ``encode``: ``token_ids`` (batch, length) to ``P1``, ``P2`` (where there is a pooler), ``P3``, ``P4`` and
  ``vector``, the model's own pooling at length 1; each (batch, hidden).
- ``hidden_states``: ``token_ids`` to ``hidden`` (batch, length, hidden), and ``logits`` (batch, length,
  vocabulary) of the language-model head where there is one.

Where there is one also:

- ``scores``: ``token_ids``, ``segment_ids`` (0 source, 1 target) to ``scores`` (batch, vocabulary) of the
  token after each row's last, UniLM.
- ``begin``: ``token_ids`` of sources to ``scores`` of the first target token and the state: ``keys``,
  ``values`` (blocks, batch, heads, length, head size) and ``mask`` (batch, length).
- ``step``: ``tokens`` (batch,) and the state to ``scores`` of the next one and the state, one longer.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.checkpoints import Preset
from roformer_sim.conversion.outputs import WRITTEN, Outputs, Samples
from roformer_sim.conversion.peer_process import padded, run_script
from roformer_sim.text import Tokenizer

VOCABULARY = "assets/vocab.txt"


def write(preset: Preset, folder: Path) -> None:
    """Write the SavedModel.

    Raises:
        InputError: Keras does not run on TensorFlow here.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        raise InputError(
            f"TensorFlow writes a SavedModel, and Keras runs on {keras.backend.backend()} here; "
            "set KERAS_BACKEND=tensorflow"
        )
    from roformer_sim.conversion.saved_model_tensorflow import export

    export(preset, folder)


def run(folder: Path, samples: Samples) -> Outputs:
    """What TensorFlow gives for the folder in a process that imports nothing of ours.

    ``scores`` are those of the signature of this name; those of ``begin`` and ``step`` are held against them.

    Raises:
        InputError: TensorFlow cannot read the folder, or decoding step by step gives other scores.
        ImportError: TensorFlow is not installed.
    """
    return run_folders([(folder, samples)])[0]


def run_folders(jobs: list[tuple[Path, Samples]]) -> list[Outputs]:
    """:func:`run` of several folders in one process."""
    listed = [({"folder": str(folder)}, _inputs(folder, samples)) for folder, samples in jobs]
    found = run_script("saved_model_peer.py", listed, python=sys.executable, tool="TensorFlow")
    return [_chosen(arrays, samples) for arrays, (_, samples) in zip(found, jobs, strict=True)]


def _inputs(folder: Path, samples: Samples) -> dict[str, np.ndarray]:
    padding = Tokenizer.from_file(folder / VOCABULARY).pad_id
    prefixes, segments = [], []
    for row, targets in zip(samples.rows, samples.targets, strict=True):
        for count in range(WRITTEN + 1):
            prefixes.append(np.concatenate([row, targets[:count]]))
            segments.append(np.repeat([0, 1], [len(row), count]))
    return {
        "token_ids": padded(samples.rows, padding),
        "targets": samples.targets.astype(np.int32),
        "prefixes": padded(prefixes, padding),
        "segments": padded(segments),
    }


def _chosen(found: dict[str, np.ndarray], samples: Samples) -> Outputs:
    def tokens(values: np.ndarray) -> np.ndarray:
        return np.concatenate([rows[: len(row)] for rows, row in zip(values, samples.rows, strict=True)])

    outputs = {name: values for name, values in found.items() if name not in ("hidden", "logits", "steps")}
    outputs["hidden"] = tokens(found["hidden"])
    if "steps" in found:
        outputs["logits"] = tokens(found["logits"])
        steps = found["steps"].reshape(outputs["scores"].shape)
        difference = float(np.abs(steps - outputs["scores"]).max())
        if not difference <= 1e-4:
            raise InputError(f"begin and step give other scores than scores: {difference:.2g} apart")
    return outputs
