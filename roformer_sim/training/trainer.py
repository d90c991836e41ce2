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
from roformer_sim.training.devices import Devices, open_devices
from roformer_sim.training.feeding import Feeder
from roformer_sim.training.model import MultiTaskModel
from roformer_sim.training.recipe import Recipe
from roformer_sim.training.recipe_data import LabelledData, SimilarData
from roformer_sim.training.run_folder import RunFolder, RunState
from roformer_sim.training.run_metadata import RunMetadata
from roformer_sim.training.same_run import check_same_settings
from roformer_sim.training.schedule import WarmupSchedule
from roformer_sim.training.sources import Sources, TeacherFunction, open_sources
from roformer_sim.training.start import new_or_preset
from roformer_sim.training.terms import loss_terms, task_sizes
from roformer_sim.training.watching.assemble import Watching, watch
from roformer_sim.training.watching.finite import StopWhenNotFinite
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
    open_teacher: Callable[[str], TeacherFunction] | None = None


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
    keras.utils.set_random_seed(recipe.train.seed)
    devices = open_devices(recipe)
    state = folder.read_state()
    devices.check_agree("the epoch to go on from", state.epoch if state else 0)
    if state is not None:
        _check_same_run(state, recipe, folder)
        if devices.writes:
            folder.set_links(state)
    start = load_any(folder.last) if folder.last else new_or_preset(recipe.start)
    # A resumed run carries on what its own checkpoint says of the beginning.
    started_from = start.metadata.get("started_from", {}) if folder.last else start.metadata
    state = state or RunState(recipe.model_dump())
    if state.epoch >= recipe.train.last_epoch:
        return folder.path / "best"
    _check_lengths(start, recipe)
    if devices.writes:
        folder.check_writable()
    sources = open_sources(recipe, start.tokenizer, _teacher(recipe, helpers))
    kinds = " + ".join(f"{size:,}" for size in sources.stream.sizes)
    if devices.writes:
        print(f"training items ({recipe.data.rows}): {kinds}; held out: {recipe.data.held_out} of each kind")
    devices.check_same_batches(sources.training())
    with devices.scope():
        # Named, as the optimiser below: a second network in a process would be "backbone_1", and its moments
        # too.
        backbone = Backbone(start.config, dtype=recipe.train.dtype, name="backbone")
        if start.weights:
            assign_weights(backbone, start.weights, folder.last or recipe.start.preset or "start")
        model = compile_model(backbone, recipe, devices)
        folder.restore(model)
        _fit(model, start.tokenizer, sources, folder, state, started_from, helpers, devices)
    devices.wait()
    return folder.path / "best"


def compile_model(backbone: Backbone, recipe: Recipe, devices: Devices | None = None) -> MultiTaskModel:
    """The model of a recipe with AdamW; biases and norms are not decayed."""
    devices = devices or Devices()
    settings, data = recipe.train, recipe.data
    # Where another vector is trained, the pooler has no part in the losses.
    vectors = bool(recipe.objectives.terms.keys() - {"generation", "mlm", "rdrop"})
    backbone.pooler.trainable = vectors and backbone.config.pooling == "P2"
    tasks = 2 if isinstance(data, LabelledData) and data.nli else 1
    copies = data.copies if isinstance(data, SimilarData) else 1
    model = devices.make_model(
        backbone,
        loss_terms(recipe.objectives, copies=copies, tasks=tasks),
        classes=sum(task_sizes(tasks)) if recipe.objectives.sbert else 0,
    )
    optimizer = devices.optimizer(
        schedule(recipe),
        weight_decay=settings.weight_decay,
        beta_2=settings.beta_2,
        global_clipnorm=settings.clip_norm,
        name="adam_w",
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "beta", "gamma"])
    optimizer.build(model.trainable_variables)
    # On JAX a step that is not compiled as a whole is run operation by operation, each compiled by itself.
    model.compile(optimizer=optimizer, jit_compile=keras.backend.backend() == "jax")
    return model


def schedule(recipe: Recipe) -> WarmupSchedule:
    """Learning rate of a step of the optimiser."""
    settings = recipe.train
    total = settings.total_steps if settings.schedule == "linear" else None
    return WarmupSchedule(settings.learning_rate, settings.warmup_steps, total)


def _fit(
    model: MultiTaskModel,
    tokenizer: Tokenizer,
    sources: Sources,
    folder: RunFolder,
    state: RunState,
    started_from: dict[str, Any],
    helpers: Helpers,
    devices: Devices,
) -> None:
    recipe = sources.recipe
    tokens, validation = TokenCounts(tokenizer.pad_id), Validation(sources.held_out(), model.by_kind)
    if devices.writes:
        callbacks = _callbacks(
            model, tokenizer, sources, folder, state, started_from, helpers, devices, tokens, validation
        )
    else:
        # What stops a run must stop all its processes, and all must validate.
        callbacks = [StopWhenNotFinite(_rate(recipe), lambda: folder.last), validation]
    with Feeder(devices.source(sources.training()), recipe.train.workers, tokens.record) as feeder:
        model.fit(
            devices.dataset(feeder, state.epoch),
            steps_per_epoch=recipe.train.steps_per_epoch,
            initial_epoch=state.epoch,
            epochs=recipe.train.last_epoch,
            callbacks=callbacks,
            verbose=0,
        )


def _callbacks(
    model: MultiTaskModel,
    tokenizer: Tokenizer,
    sources: Sources,
    folder: RunFolder,
    state: RunState,
    started_from: dict[str, Any],
    helpers: Helpers,
    devices: Devices,
    tokens: TokenCounts,
    validation: Validation,
) -> list[Any]:
    """Everything that watches, writes and shows, in its order."""
    recipe, backbone = sources.recipe, model.backbone
    metric = _best_metric(model, recipe, bool(validation.batches), helpers)
    watching = _watching(recipe, folder, state, tokens, tokenizer, helpers, devices)
    metadata = RunMetadata(sources, state, watching.metrics, metric, started_from)

    def preset() -> Preset:
        return Preset(backbone.config, tokenizer, read_weights(backbone), metadata())

    def synonyms(text: str) -> list[str]:
        assert helpers.samples is not None
        with devices.evaluated(backbone) as network:
            return helpers.samples(network, tokenizer, text)

    direction = "max" if higher_is_better(metric) else "min"
    callbacks = [
        *watching.before,
        validation,
        *watching.between,
        Checkpoint(folder, state, preset, metric, direction),
        *watching.after,
    ]
    if helpers.samples is not None and recipe.objectives.generation and recipe.watch.samples:
        callbacks.append(Samples(recipe.watch.samples, synonyms))
    return callbacks


def _watching(
    recipe: Recipe,
    folder: RunFolder,
    state: RunState,
    tokens: TokenCounts,
    tokenizer: Tokenizer,
    helpers: Helpers,
    devices: Devices,
) -> Watching:
    def measure(model: MultiTaskModel) -> dict[str, float]:
        assert helpers.measure is not None
        with devices.evaluated(model.backbone) as network:
            return helpers.measure(network, tokenizer)

    return watch(
        folder.path,
        learning_rate=_rate(recipe),
        presets=lambda: [folder.path / "best", folder.path / "last"],
        last_good=lambda: folder.last,
        tokens_of=tokens,
        measure=None if helpers.measure is None else measure,
        every=recipe.watch.every,
        sts_every=recipe.watch.sts_every,
        tensorboard=recipe.watch.tensorboard,
        resume_step=state.epoch * recipe.train.steps_per_epoch,
    )


def _rate(recipe: Recipe) -> Callable[[int], float]:
    """Learning rate of a batch."""
    rate = schedule(recipe)
    return lambda step: float(rate(step // recipe.train.accumulate))


def _teacher(recipe: Recipe, helpers: Helpers) -> TeacherFunction | None:
    term = recipe.objectives.distillation
    if term is None:
        return None
    if helpers.open_teacher is None:
        raise InputError(f"objectives.distillation.teacher {term.teacher!r}: nothing here opens teachers")
    return helpers.open_teacher(term.teacher)


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
    free = ("watch", "train.epochs", "train.stop_after", "train.workers", "train.devices")
    check_same_settings(old, new, folder.path, free=free)
