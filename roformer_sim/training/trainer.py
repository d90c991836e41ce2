"""Runs a recipe: builds the network, the batches and the optimiser, trains, resumes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
from pydantic import ValidationError

from corpus_builder.errors import InputError
from roformer_sim.checkpoints import load_any
from roformer_sim.checkpoints.preset import Preset
from roformer_sim.checkpoints.weights import assign_weights, read_weights
from roformer_sim.models import Backbone
from roformer_sim.text import Tokenizer
from roformer_sim.training.arrays import longest_row
from roformer_sim.training.callbacks import Checkpoint, Samples, Validation
from roformer_sim.training.feeding import Feeder
from roformer_sim.training.grad_cache import parted_model_class
from roformer_sim.training.model import MultiTaskModel
from roformer_sim.training.recipe import Recipe
from roformer_sim.training.recipe_data import LabelledData, SimilarData
from roformer_sim.training.run_folder import Direction, RunFolder, RunState
from roformer_sim.training.run_metadata import RunMetadata
from roformer_sim.training.same_run import check_same_settings
from roformer_sim.training.schedule import WarmupSchedule
from roformer_sim.training.sources import OpenTeacher, Sources, open_sources
from roformer_sim.training.start import new_or_preset
from roformer_sim.training.terms import loss_terms, task_sizes
from roformer_sim.training.watching.assemble import Watching, watch
from roformer_sim.training.watching.metric_names import check_metric, higher_is_better, metric_names
from roformer_sim.training.watching.tokens import TokenCounts


@dataclass(frozen=True)
class Helpers:
    """What training is handed from later stages, which it does not know: generation, evaluation.

    Attributes:
        samples: Synonyms of a text, shown after each epoch for each text of ``watch.samples``.
        measure: Figures of the network, for ``watch.sts``; and their names.
        open_teacher: The teacher that ``objectives.distillation.teacher`` names.
    """

    samples: Callable[[Backbone, Tokenizer, str], list[str]] | None = None
    measure: Callable[[Backbone, Tokenizer], dict[str, float]] | None = None
    measured: tuple[str, ...] = ()
    open_teacher: OpenTeacher | None = None


def train(recipe: Recipe, output: str | Path, helpers: Helpers | None = None) -> Path:
    """Train by a recipe, or go on with the run in ``output``.

    A run that was stopped, even killed, and goes on sees the same batches, drops the same units and ends
    with the weights of one that never stopped.

    Args:
        recipe: What to do; a run is resumed only by the recipe that began it (more epochs allowed).
        output: Folder of the run: ``last``, ``best`` (presets), ``epoch-...``, ``metrics.csv``.
        helpers: For what lies outside training; a recipe that needs none does without.

    Returns:
        Folder of the best checkpoint, a preset.

    Raises:
        InputError: Anything wrong in the recipe or the files it names.
        TrainingDiverged: A loss is no longer a number.
    """
    helpers = helpers or Helpers()
    folder = RunFolder(output, keep=recipe.watch.keep)
    state = folder.read_state()
    if state is not None:
        _check_same_run(state, recipe, folder)
        folder.set_links(state)
    keras.utils.set_random_seed(recipe.train.seed)
    start = load_any(folder.last) if folder.last else new_or_preset(recipe.start)
    # A resumed run carries on what its own checkpoint says of the beginning.
    started_from = start.metadata.get("started_from", {}) if folder.last else start.metadata
    state = state or RunState(recipe.model_dump())
    if state.epoch >= recipe.train.last_epoch:
        return folder.path / "best"
    _check_lengths(start, recipe)
    folder.check_writable()
    sources = open_sources(recipe, start.tokenizer, helpers.open_teacher)
    kinds = " + ".join(f"{size:,}" for size in sources.stream.sizes)
    print(f"training items ({recipe.data.rows}): {kinds}; held out: {recipe.data.held_out} of each kind")
    if recipe.data.exclude:
        print(f"left out as texts of benchmarks: {sources.stream.excluded:,}")
    # Named, as the optimiser below: a second network in a process would be "backbone_1", and its moments too.
    backbone = Backbone(start.config, dtype=recipe.train.dtype, name="backbone")
    if start.weights:
        assign_weights(backbone, start.weights, folder.last or recipe.start.preset or "start")
    model = compile_model(backbone, recipe)
    folder.check_space(model, recipe.train.last_epoch - state.epoch)
    folder.restore(model)
    _fit(model, start.tokenizer, sources, folder, state, started_from, helpers)
    return folder.path / "best"


def compile_model(backbone: Backbone, recipe: Recipe) -> MultiTaskModel:
    """The model of a recipe with AdamW; biases and norms are not decayed."""
    settings, data = recipe.train, recipe.data
    # Where another vector is trained, the pooler has no part in the losses.
    vectors = bool(recipe.objectives.terms.keys() - {"generation", "mlm", "rdrop"})
    backbone.pooler.trainable = vectors and backbone.config.pooling == "P2"
    tasks = 2 if isinstance(data, LabelledData) and data.nli else 1
    copies = data.copies if isinstance(data, SimilarData) else 1
    terms = loss_terms(recipe.objectives, copies=copies, tasks=tasks)
    classes = sum(task_sizes(tasks)) if recipe.objectives.sbert else 0
    if settings.sub_batches == 1:
        model = MultiTaskModel(backbone, terms, classes=classes, name="training")
    else:
        parted = parted_model_class()
        parts = settings.sub_batches
        model = parted(backbone, terms, classes=classes, sub_batches=parts, name="training")
    optimizer = keras.optimizers.AdamW(
        schedule(recipe),
        weight_decay=settings.weight_decay,
        beta_2=settings.beta_2,
        global_clipnorm=settings.clip_norm,
        gradient_accumulation_steps=settings.accumulate if settings.accumulate > 1 else None,
        name="adam_w",
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "beta", "gamma"])
    optimizer.build(model.trainable_variables)
    # Keras's JAX trainer has no other way to compile a step; TensorFlow's would be XLA.
    model.compile(optimizer=optimizer, jit_compile=keras.backend.backend() == "jax")
    return model


def schedule(recipe: Recipe) -> WarmupSchedule:
    """Learning rate of a step of the optimiser."""
    settings = recipe.train
    total = settings.total_steps // settings.accumulate if settings.schedule == "linear" else None
    return WarmupSchedule(settings.learning_rate, settings.warmup_steps, total, settings.accumulate)


def _fit(
    model: MultiTaskModel,
    tokenizer: Tokenizer,
    sources: Sources,
    folder: RunFolder,
    state: RunState,
    started_from: dict[str, Any],
    helpers: Helpers,
) -> None:
    recipe, backbone = sources.recipe, model.backbone
    held_out = sources.held_out()
    metric = _best_metric(model, recipe, bool(held_out), helpers)
    tokens = TokenCounts(tokenizer.pad_id)
    watching = _watching(recipe, folder, state, tokens, tokenizer, helpers)
    metadata = RunMetadata(sources, state, watching.metrics, metric, started_from)

    def preset() -> Preset:
        return Preset(backbone.config, tokenizer, read_weights(backbone), metadata())

    direction: Direction = "max" if higher_is_better(metric) else "min"
    callbacks = [
        *watching.before,
        Validation(held_out, model.by_kind),
        *watching.between,
        Checkpoint(folder, state, preset, metric, direction),
        *watching.after,
    ]
    show = helpers.samples
    if show is not None and recipe.objectives.generation and recipe.watch.samples:
        callbacks.append(Samples(recipe.watch.samples, lambda text: show(backbone, tokenizer, text)))
    steps = recipe.train.steps_per_epoch
    with Feeder(sources.training(), recipe.train.workers, tokens.record) as feeder:
        model.fit(
            feeder.from_position(state.epoch),
            steps_per_epoch=steps,
            initial_epoch=state.epoch,
            epochs=recipe.train.last_epoch,
            callbacks=callbacks,
            shuffle=False,
            verbose=1,
        )


def _watching(
    recipe: Recipe,
    folder: RunFolder,
    state: RunState,
    tokens: TokenCounts,
    tokenizer: Tokenizer,
    helpers: Helpers,
) -> Watching:
    rate, measure = schedule(recipe), helpers.measure
    return watch(
        folder.path,
        learning_rate=lambda step: float(rate(step)),
        presets=lambda: [folder.path / "best", folder.path / "last"],
        last_good=lambda: folder.last,
        tokens_of=tokens,
        measure=None if measure is None else lambda model: measure(model.backbone, tokenizer),
        every=recipe.watch.every,
        sts_every=recipe.watch.sts_every,
        tensorboard=recipe.watch.tensorboard,
        resume_step=state.epoch * recipe.train.steps_per_epoch,
    )


def _best_metric(model: MultiTaskModel, recipe: Recipe, held_out: bool, helpers: Helpers) -> str:
    """The figure that names the best checkpoint, known to be among those that there will be."""
    if recipe.watch.best is None:
        return "val_loss" if held_out else "loss"
    names = metric_names(["loss", *model.trackers], held_out=held_out, sts_tables=helpers.measured)
    return check_metric(recipe.watch.best, names, "watch.best")


def _check_lengths(start: Preset, recipe: Recipe) -> None:
    longest = longest_row(recipe.data.maxlen)
    if start.config.model_type == "bert" and longest > start.config.max_position_embeddings:
        raise InputError(
            f"data.maxlen {recipe.data.maxlen}: rows are padded to up to {longest} tokens, but this BERT "
            f"network has {start.config.max_position_embeddings} positions; lower data.maxlen"
        )


def _check_same_run(state: RunState, recipe: Recipe, folder: RunFolder) -> None:
    """Refuse to continue a run with other settings; only its length and what is watched may differ."""
    try:
        old, new = Recipe(**state.recipe).model_dump(), recipe.model_dump()
    except ValidationError as error:
        key = ".".join(map(str, error.errors()[0]["loc"]))
        raise InputError(
            f"{folder.path}: was begun by another version ({key}); use another --output"
        ) from None
    free = ("watch", "train.epochs", "train.stop_after", "train.workers")
    check_same_settings(old, new, folder.path, free=free)
