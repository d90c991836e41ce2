"""Runs a recipe: builds the network, the batches and the optimiser, trains, resumes."""

from __future__ import annotations

from pathlib import Path

import keras
from pydantic import ValidationError

from corpus_builder.errors import InputError
from roformer_sim.checkpoints import load_any
from roformer_sim.checkpoints.preset import Preset
from roformer_sim.checkpoints.weights import assign_weights
from roformer_sim.models import Backbone
from roformer_sim.training.arrays import longest_row
from roformer_sim.training.compiling import compile_model
from roformer_sim.training.devices import open_devices
from roformer_sim.training.feeding import Feeder
from roformer_sim.training.recipe import Recipe
from roformer_sim.training.recipe_data import SimilarData, TextData
from roformer_sim.training.run_folder import RunFolder, RunState
from roformer_sim.training.running import Helpers, Run
from roformer_sim.training.same_run import check_same_settings
from roformer_sim.training.sources import Sources, open_sources, rounding
from roformer_sim.training.start import new_or_preset
from roformer_sim.training.watching.report import write_missing_cards
from roformer_sim.training.watching.tokens import TokenCounts


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
        if devices.writes:
            write_missing_cards(folder.path)
        return folder.path / "best"
    if recipe.watch.sts and helpers.measure is None and devices.writes:
        raise InputError("watch.sts: nothing here measures STS; give Helpers(measure=...), or no tables")
    _check_lengths(start, recipe)
    sources = open_sources(recipe, start.tokenizer, helpers.open_teacher)
    _check_same_data(state, sources, folder)
    if devices.writes:
        folder.check_writable()
        _say(sources)
    devices.check_same_batches(sources.training())
    with devices.scope():
        # Named: a second network in a process would be "backbone_1", and its moments too.
        backbone = Backbone(start.config, dtype=recipe.train.dtype, name="backbone")
        if start.weights:
            assign_weights(backbone, start.weights, folder.last or recipe.start.preset or "start")
        model = compile_model(backbone, recipe, devices)
        if devices.writes:
            folder.check_space(model, recipe.train.last_epoch - state.epoch)
        folder.restore(model)
        _fit(Run(model, start.tokenizer, sources, folder, state, started_from, helpers, devices))
    devices.wait()
    return folder.path / "best"


def _fit(run: Run) -> None:
    settings, tokens = run.recipe.train, TokenCounts(run.tokenizer.pad_id, run.devices.processes)
    callbacks = run.callbacks(tokens)
    with Feeder(run.devices.source(run.sources.training()), settings.workers, tokens.record) as feeder:
        run.model.fit(
            run.devices.dataset(feeder, run.state.epoch),
            steps_per_epoch=settings.steps_per_epoch,
            initial_epoch=run.state.epoch,
            epochs=settings.last_epoch,
            callbacks=callbacks,
            shuffle=False,
            verbose=1 if run.devices.writes else 0,
        )


def _say(sources: Sources) -> None:
    data = sources.recipe.data
    kinds = " + ".join(f"{size:,}" for size in sources.stream.sizes)
    print(f"training items ({data.rows}): {kinds}; held out: {data.held_out} of each kind")
    for what, count in sources.stream.losses.items():
        if count:
            print(f"{what}: {count:,}")


def _check_same_data(state: RunState, sources: Sources, folder: RunFolder) -> None:
    """Refuse to continue a run with other sentences: its batches and held-out items would be others."""
    checksum = sources.checksum()
    if state.epoch and state.data != checksum:
        raise InputError(
            f"{folder.path}: was begun with other sentences than the recipe's files hold now "
            f"({sources.stream.sizes} training items); put the files back, or use another --output"
        )
    state.data = checksum


def _check_lengths(start: Preset, recipe: Recipe) -> None:
    parts = 2 if isinstance(recipe.data, SimilarData | TextData) else 1
    longest = longest_row(recipe.data.maxlen, parts, rounding())
    if start.config.model_type == "bert" and longest > start.config.max_position_embeddings:
        raise InputError(
            f"data.maxlen {recipe.data.maxlen}: rows are padded to up to {longest} tokens, but this BERT "
            f"network has {start.config.max_position_embeddings} positions; lower data.maxlen"
        )


def _check_same_run(state: RunState, recipe: Recipe, folder: RunFolder) -> None:
    """Refuse to continue a run with other settings; only its length and what is watched may differ.

    Its length not where the learning rate falls until the end; ``train.stop_after`` ends such a run early.
    """
    try:
        old, new = Recipe(**state.recipe).model_dump(), recipe.model_dump()
    except ValidationError as error:
        key = ".".join(map(str, error.errors()[0]["loc"]))
        raise InputError(
            f"{folder.path}: was begun by another version ({key}); use another --output"
        ) from None
    free = {"watch", "train.stop_after", "train.workers", "train.devices"}
    if recipe.train.schedule == "constant":  # a falling rate depends on where it ends
        free.add("train.epochs")
    check_same_settings(old, new, folder.path, free=free)
