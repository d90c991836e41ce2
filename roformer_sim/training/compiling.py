"""The model of a recipe, with its terms and its optimiser."""

from __future__ import annotations

from typing import Any

import keras

from roformer_sim.models import Backbone
from roformer_sim.training.devices import Devices
from roformer_sim.training.grad_cache import parted_model_class
from roformer_sim.training.model import MultiTaskModel
from roformer_sim.training.recipe import Recipe
from roformer_sim.training.recipe_data import LabelledData, SimilarData
from roformer_sim.training.schedule import WarmupSchedule
from roformer_sim.training.terms import loss_terms, task_sizes

TOKEN_TERMS = {"generation", "mlm", "rdrop"}
"""Objectives that read tokens; the others read sentence vectors."""


def compile_model(backbone: Backbone, recipe: Recipe, devices: Devices | None = None) -> MultiTaskModel:
    """The model of a recipe with AdamW; biases and norms are not decayed."""
    devices, settings = devices or Devices(), recipe.train
    # Where another vector is trained, the pooler has no part in the losses.
    vectors = bool(recipe.objectives.terms.keys() - TOKEN_TERMS)
    backbone.pooler.trainable = vectors and backbone.config.pooling == "P2"
    # Without terms on tokens the head has no gradient, and weight decay alone would change it.
    tokens = not recipe.objectives.terms.keys().isdisjoint(TOKEN_TERMS)
    backbone.lm_transform.trainable = backbone.lm_norm.trainable = backbone.lm_bias.trainable = tokens
    model = _model(backbone, recipe, devices)
    optimizer = devices.optimizer(
        schedule(recipe),
        weight_decay=settings.weight_decay,
        beta_2=settings.beta_2,
        global_clipnorm=settings.clip_norm or None,
        gradient_accumulation_steps=settings.accumulate if settings.accumulate > 1 else None,
        name="adam_w",
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "beta", "gamma"])
    optimizer.build(model.trainable_variables)
    # Keras's JAX trainer has no other way to compile a step as a whole; TensorFlow's would be XLA.
    model.compile(optimizer=optimizer, jit_compile=keras.backend.backend() == "jax")
    return model


def _model(backbone: Backbone, recipe: Recipe, devices: Devices) -> MultiTaskModel:
    data, parts = recipe.data, recipe.train.sub_batches
    tasks = 2 if isinstance(data, LabelledData) and data.nli else 1
    terms = loss_terms(
        recipe.objectives, copies=data.copies if isinstance(data, SimilarData) else 1, tasks=tasks
    )
    # Named, as the optimiser above: a second model in a process would be "training_1", and its weights too.
    settings: dict[str, Any] = {
        "classes": sum(task_sizes(tasks)) if recipe.objectives.sbert else 0,
        "name": "training",
    }
    if parts > 1:
        return parted_model_class()(backbone, terms, sub_batches=parts, **settings)
    return devices.make_model(backbone, terms, **settings)


def schedule(recipe: Recipe) -> WarmupSchedule:
    """Learning rate of a step of the optimiser."""
    settings = recipe.train
    total = settings.total_steps // settings.accumulate if settings.schedule == "linear" else None
    return WarmupSchedule(settings.learning_rate, settings.warmup_steps, total, settings.accumulate)
