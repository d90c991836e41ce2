"""Our side of the training-step comparison, in the backend that KERAS_BACKEND names.

    KERAS_BACKEND=jax python training_step_ours.py FOLDER SCALE

Prints one JSON object: relative differences of both losses and, of the gradient of their sum, of the
global norm and of the worst single entry (over the largest entry of that variable).
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from roformer_sim.checkpoints import assign_weights, load_any
from roformer_sim.checkpoints.bert_names import from_bert
from roformer_sim.models import Backbone
from roformer_sim.training.model import MultiTaskModel
from roformer_sim.training.recipe_objectives import ObjectivesSection
from roformer_sim.training.terms import loss_terms

Losses = tuple[Any, Any]


def main() -> None:
    """Load the checkpoint, take the losses and their gradient, compare."""
    folder, scale = Path(sys.argv[1]), float(sys.argv[2])
    preset = load_any(folder)
    config = preset.config.model_copy(
        update={"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    )
    backbone = Backbone(config)
    assign_weights(backbone, preset.weights, folder)
    terms = ObjectivesSection.model_validate({"generation": {}, "in_batch": {"scale": scale}})
    model = MultiTaskModel(backbone, loss_terms(terms))
    with np.load(folder / "batch.npz") as file:
        batch = {name: file[name] for name in file.files}
    losses, gradients = take_gradient(model, batch)
    with np.load(folder / "peer.npz") as file:
        peer = {name: file[name] for name in file.files}
    theirs = from_bert({k.split(":")[1]: v for k, v in peer.items() if k.startswith("gradient:")}, config)
    found = {
        "generation loss": relative(losses[0], peer["generation"]),
        "similarity loss": relative(losses[1], peer["similarity"]),
        "norm of the gradient": relative(global_norm(gradients), global_norm(theirs)),
        "worst entry of the gradient": max(worst(gradients[name], theirs[name]) for name in theirs),
    }
    print(json.dumps({"backend": keras.config.backend(), "losses": losses, "measured": found}))


def both_losses(model: MultiTaskModel, batch: dict[str, np.ndarray]) -> Losses:
    """Generation and similarity loss, as MultiTaskModel.compute_loss takes them."""
    outputs = model(batch, training=True)
    generation, similarity = (term.function(outputs, batch) for term in model.terms)
    return generation, similarity


def take_gradient(
    model: MultiTaskModel, batch: dict[str, np.ndarray]
) -> tuple[tuple[float, float], dict[str, np.ndarray]]:
    """Both losses and the gradient of their sum by our weights' names."""
    weights = {w.path.split("/", 1)[1]: w for w in model.backbone.trainable_weights}
    if keras.config.backend() == "tensorflow":
        values, gradients = _tensorflow_gradient(model, batch, list(weights.values()))
    else:
        values, gradients = _jax_gradient(model, batch, list(weights.values()))
    arrays = [keras.ops.convert_to_numpy(gradient) for gradient in gradients]
    return (float(values[0]), float(values[1])), dict(zip(weights, arrays, strict=True))


def _tensorflow_gradient(
    model: MultiTaskModel, batch: dict[str, np.ndarray], weights: list
) -> tuple[Losses, list]:
    import tensorflow as tf

    with tf.GradientTape() as tape:
        generation, similarity = both_losses(model, batch)
        total = generation + similarity
    gradients = tape.gradient(total, [weight.value for weight in weights])
    return (generation, similarity), [tf.convert_to_tensor(gradient) for gradient in gradients]


def _jax_gradient(model: MultiTaskModel, batch: dict[str, np.ndarray], weights: list) -> tuple[Losses, list]:
    import jax

    def total(values: list) -> tuple[Any, Losses]:
        mapping = list(zip(weights, values, strict=True))
        with keras.StatelessScope(state_mapping=mapping):
            generation, similarity = both_losses(model, batch)
        return generation + similarity, (generation, similarity)

    (_, losses), gradients = jax.value_and_grad(total, has_aux=True)([w.value for w in weights])
    return losses, gradients


def global_norm(gradients: dict[str, np.ndarray]) -> float:
    """Euclidean norm of all entries."""
    return float(np.sqrt(sum(np.square(g, dtype=np.float64).sum() for g in gradients.values())))


def relative(ours: float, theirs: np.ndarray | float) -> float:
    """Difference over the peer's value."""
    return abs(float(ours) - float(theirs)) / abs(float(theirs))


def worst(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Largest difference over the peer's largest entry."""
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


if __name__ == "__main__":
    main()
