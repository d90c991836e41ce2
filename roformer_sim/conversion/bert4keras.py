"""bert4keras folders: ``bert_config.json``, ``vocab.txt``, ``bert_model.ckpt.*``; runs bert4keras itself.

It runs in a process of its own, because it needs Keras 2: by the Python that runs us, or by the one that the
environment variable ``BERT4KERAS_PYTHON`` names.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.checkpoints import Preset
from roformer_sim.checkpoints.bert4keras_extras import write_extras
from roformer_sim.checkpoints.bert_names import to_bert
from roformer_sim.checkpoints.bert_variables import CONFIG, VOCABULARY, read_config
from roformer_sim.checkpoints.preset import write_json
from roformer_sim.checkpoints.tensorflow_checkpoint import TensorFlowVariables, find_checkpoint
from roformer_sim.conversion.outputs import WRITTEN, Outputs, Samples
from roformer_sim.conversion.peer_process import padded, run_script
from roformer_sim.models import ModelConfig

CHECKPOINT = "bert_model.ckpt"
PYTHON = "BERT4KERAS_PYTHON"

# bert4keras 0.11 has no key for it: RoFormer takes Keras's default, BERT Google's value.
_EPSILON = {"roformer": 1e-7, "bert": 1e-12}
# Below it an epsilon is lost in the rounding of a variance near 1.
_EPSILON_THAT_SHOWS = 1e-7
# What bert_config.json says; the rest is told by the variables, or is ours alone (roformer_sim.json).
_KEYS = (
    "vocab_size",
    "hidden_size",
    "embedding_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "hidden_act",
    "max_position_embeddings",
    "type_vocab_size",
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "initializer_range",
)


def write(preset: Preset, folder: Path) -> None:
    """Write the folder as upstream publishes models, and ``roformer_sim.json`` with what it cannot say.

    Raises:
        InputError: bert4keras would compute something else: GELU by tanh, an epsilon above 1e-7 that is not
            its own, a padding token that is not number 0; TensorFlow is not installed.
    """
    config = preset.config
    check_writable(config)
    tensorflow = _import_tensorflow()
    write_json(folder / CONFIG, {key: getattr(config, key) for key in _KEYS})
    preset.tokenizer.save(folder / VOCABULARY)
    write_extras(preset, folder)
    variables = to_bert(preset.weights, config)
    with tensorflow.device("/CPU:0"):
        tensorflow.raw_ops.SaveV2(
            prefix=str(folder / CHECKPOINT),
            tensor_names=list(variables),
            shape_and_slices=[""] * len(variables),
            tensors=[np.ascontiguousarray(values, np.float32) for values in variables.values()],
        )


def _import_tensorflow() -> Any:
    try:
        import tensorflow
    except ImportError:
        raise InputError(
            "writing a TensorFlow checkpoint needs TensorFlow: pip install 'roformer-sim[cpu]'"
        ) from None
    return tensorflow


def check_writable(config: ModelConfig) -> None:
    """Refuse a network that bert4keras would read as another one.

    Raises:
        InputError: See :func:`write`.
    """
    if config.hidden_act == "gelu_new":
        raise InputError("bert4keras reads gelu as the exact form and knows no gelu_new (by tanh)")
    if config.pad_token_id != 0:
        raise InputError(
            f"[PAD] is token {config.pad_token_id}, and bert4keras takes token 0 for padding; "
            "put [PAD] first in the vocabulary"
        )
    epsilon, theirs = float(config.layer_norm_eps or 0), _EPSILON[config.model_type]
    if epsilon == theirs:
        return
    message = f"layer_norm_eps is {epsilon:g}, and bert4keras computes {config.model_type} with {theirs:g}"
    if epsilon > _EPSILON_THAT_SHOWS:
        raise InputError(f"{message}: its results would be others")
    warnings.warn(f"{message}, which changes results in the seventh digit or so", stacklevel=3)


def run(folder: Path, samples: Samples) -> Outputs:
    """What bert4keras computes of the folder's checkpoint.

    Raises:
        InputError: It cannot read the folder.
        ImportError: It is not installed.
    """
    prefix = find_checkpoint(folder)
    config = read_config(folder, TensorFlowVariables(prefix))
    return run_jobs([({"checkpoint": str(prefix)}, folder, config, samples)])[0]


Job = tuple[dict[str, str], Path, ModelConfig, Samples]
"""``checkpoint`` or ``weights`` and its path; the folder, its configuration, what to compute."""


def run_jobs(jobs: Sequence[Job]) -> list[Outputs]:
    """:func:`run` of several folders in one process."""
    listed = []
    for weights, folder, config, samples in jobs:
        told = {"model": config.model_type, "pool": config.has_pooler, "mlm": config.has_lm_head}
        listed.append((weights | told | {"config": str(folder / CONFIG)}, _inputs(samples)))
    python = os.environ.get(PYTHON) or sys.executable
    found = run_script("bert4keras_peer.py", listed, python=python, tool="bert4keras")
    return [
        chosen(arrays, config, samples) for arrays, (_, _, config, samples) in zip(found, jobs, strict=True)
    ]


def _inputs(samples: Samples) -> dict[str, np.ndarray]:
    pairs = list(zip(samples.rows, samples.targets, strict=True))
    written = [np.concatenate(pair) for pair in pairs]
    segments = [np.repeat([0, 1], [len(row), len(targets)]) for row, targets in pairs]
    return {"token_ids": padded(samples.rows), "written": padded(written), "segments": padded(segments)}


def chosen(found: dict[str, np.ndarray], config: ModelConfig, samples: Samples) -> Outputs:
    """Of arrays with padding what :data:`Outputs` names."""
    lengths = [len(row) for row in samples.rows]

    def tokens(values: np.ndarray) -> np.ndarray:
        return np.concatenate([rows[:length] for rows, length in zip(values, lengths, strict=True)])

    def means(values: np.ndarray) -> np.ndarray:
        return np.stack([rows[:length].mean(axis=0) for rows, length in zip(values, lengths, strict=True)])

    last = found["last"]
    outputs = {"hidden": tokens(last), "P1": last[:, 0], "P3": means(last)}
    outputs["P4"] = means((found["first"] + last) / 2)
    if config.has_pooler:
        outputs["P2"] = found["pooled"]
        if config.pooling == "P2":
            outputs["vector"] = found["pooled"] / np.linalg.norm(found["pooled"], axis=1, keepdims=True)
    if config.has_lm_head:
        outputs["logits"] = tokens(found["logits"])
        outputs["scores"] = np.concatenate(
            [
                rows[length - 1 : length + WRITTEN]
                for rows, length in zip(found["scores"], lengths, strict=True)
            ]
        )
    return outputs
