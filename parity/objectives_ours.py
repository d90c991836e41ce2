"""Our side of the comparison of objectives, in the backend that KERAS_BACKEND names.

    KERAS_BACKEND=jax python objectives_ours.py FOLDER

Prints one JSON object: for every loss the relative difference of its value, and of the worst entry of its
gradient over the peer's largest entry.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from roformer_sim import objectives

Inputs = dict[str, np.ndarray]


def cases(i: Inputs) -> dict[str, tuple[Callable[[Any], Any], np.ndarray]]:
    """Each loss as a function of one array, and that array."""
    return {
        "in-batch softmax, scale 20": (lambda x: objectives.in_batch_softmax(x, 20.0), i["pairs"]),
        "in-batch softmax, scale 30": (lambda x: objectives.in_batch_softmax(x, 30.0), i["pairs"]),
        "in-batch softmax, false negatives": (
            lambda x: objectives.in_batch_softmax(x, 20.0, i["same"]),
            i["pairs"],
        ),
        "SimCSE, unsupervised": (objectives.simcse_unsupervised, i["pairs"]),
        "SimCSE, supervised": (objectives.simcse_supervised, i["triples"]),
        "CoSENT": (lambda x: objectives.cosent_loss(x, i["grades"]), i["pairs"]),
        "Sentence-BERT, two tasks": (
            lambda x: objectives.masked_class_cross_entropy(
                keras.ops.matmul(objectives.pair_features(x), i["head"]), i["classes"]
            ),
            i["pairs"],
        ),
        "cosine matrix": (lambda x: objectives.cosine_matrix_distillation(x, i["teacher"]), i["pairs"]),
        "R-Drop": (
            lambda x: objectives.rdrop_divergence(x, i["other_logits"], i["weights"]),
            i["logits"],
        ),
        "masked language model": (
            lambda x: objectives.mlm_cross_entropy(x, i["targets"], i["weights"]),
            i["logits"],
        ),
    }


def value_and_gradient(function: Callable[[Any], Any], x: np.ndarray) -> tuple[float, np.ndarray]:
    """By the backend's own means."""
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        tensor = tf.convert_to_tensor(x)
        with tf.GradientTape() as tape:
            tape.watch(tensor)
            value = function(tensor)
        return float(value), tf.convert_to_tensor(tape.gradient(value, tensor)).numpy()
    import jax

    value, gradient = jax.value_and_grad(function)(x)
    return float(value), np.asarray(gradient)


def main() -> None:
    """Compare with what the peer wrote."""
    folder = Path(sys.argv[1])
    with np.load(folder / "inputs.npz") as file:
        inputs = {name: file[name] for name in file.files}
    found = {}
    with np.load(folder / "peer.npz") as peer:
        for title, (function, x) in cases(inputs).items():
            value, gradient = value_and_gradient(function, x)
            theirs, slope = float(peer[f"value:{title}"]), peer[f"gradient:{title}"]
            found[title] = {
                "value": abs(value - theirs) / abs(theirs),
                "gradient": float(np.abs(gradient - slope).max() / np.abs(slope).max()),
            }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
