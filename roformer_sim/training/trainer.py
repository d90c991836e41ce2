"""Runs a recipe: builds the network, the batches and the optimiser, trains, resumes."""

from __future__ import annotations

import functools
import importlib.metadata
import platform
from collections.abc import Callable
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
from roformer_sim.training.callbacks import Checkpoint, EpochBatches, Samples, Validation
from roformer_sim.training.model import MultiTaskModel
from roformer_sim.training.recipe import Recipe
from roformer_sim.training.recipe_data import LabelledData, SimilarData
from roformer_sim.training.run_folder import RunFolder, RunState
from roformer_sim.training.same_run import check_same_settings
from roformer_sim.training.schedule import WarmupSchedule
from roformer_sim.training.sources import Sources, open_sources
from roformer_sim.training.start import new_or_preset
from roformer_sim.training.terms import loss_terms, task_sizes

SampleFunction = Callable[[Backbone, Tokenizer, str], list[str]]


def train(recipe: Recipe, output: str | Path, *, show_samples: SampleFunction | None = None) -> Path:
    """Train by a recipe, or go on with the run in ``output``.

    A run that was stopped, even killed, and goes on sees the same batches, drops the same units and ends
    with the weights of one that never stopped.

    Args:
        recipe: What to do; a run is resumed only by the recipe that began it (more epochs allowed).
        output: Folder of the run: ``last``, ``best`` (presets), ``epoch-...``, ``tensorboard``.
        show_samples: Called after each epoch for each text of ``watch.samples``.

    Returns:
        Folder of the best checkpoint, a preset.

    Raises:
        InputError: Anything wrong in the recipe or the files it names.
    """
    folder = RunFolder(output)
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
    folder.check_writable()
    sources = open_sources(recipe, start.tokenizer)
    print(f"training sets: {sources.stream.sizes}; held out: {recipe.data.held_out} of each kind")
    # Named, as the optimiser below: a second network in a process would be "backbone_1", and its moments too.
    backbone = Backbone(start.config, dtype=recipe.train.dtype, name="backbone")
    longest = longest_row(recipe.data.maxlen)
    if start.config.model_type == "bert" and longest > start.config.max_position_embeddings:
        raise InputError(
            f"data.maxlen {recipe.data.maxlen}: rows are padded to up to {longest} tokens, but this BERT "
            f"network has {start.config.max_position_embeddings} positions; lower data.maxlen"
        )
    if start.weights:
        assign_weights(backbone, start.weights, folder.last or recipe.start.preset or "start")
    model = compile_model(backbone, recipe)
<<<<<<< HEAD
    folder.restore_optimizer(model.optimizer)
    metadata = functools.partial(_metadata, recipe, sources, state, started_from)
    _fit(model, start.tokenizer, sources, folder, state, metadata, show_samples)
=======
    folder.restore(model)
    metadata = functools.partial(_metadata, recipe, stream, state, started_from)
    _fit(model, start.tokenizer, stream, recipe, folder, state, metadata, show_samples)
>>>>>>> resume
    return folder.path / "best"


def compile_model(backbone: Backbone, recipe: Recipe) -> MultiTaskModel:
    """The model of a recipe with AdamW; biases and norms are not decayed."""
    settings, data = recipe.train, recipe.data
    # Where another vector is trained, the pooler has no part in the losses.
    backbone.pooler.trainable = backbone.config.pooling == "P2"
    tasks = 2 if isinstance(data, LabelledData) and data.nli else 1
    copies = data.copies if isinstance(data, SimilarData) else 1
    model = MultiTaskModel(
        backbone,
        loss_terms(recipe.objectives, copies=copies, tasks=tasks),
        classes=sum(task_sizes(tasks)) if recipe.objectives.sbert else 0,
    )
    total = settings.total_steps if settings.schedule == "linear" else None
    optimizer = keras.optimizers.AdamW(
        WarmupSchedule(settings.learning_rate, settings.warmup_steps, total),
        weight_decay=settings.weight_decay,
        beta_2=settings.beta_2,
        global_clipnorm=settings.clip_norm,
        name="adam_w",
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "beta", "gamma"])
    optimizer.build(model.trainable_variables)
    model.compile(optimizer=optimizer, jit_compile=False)
    return model


def _fit(
    model: MultiTaskModel,
    tokenizer: Tokenizer,
    sources: Sources,
    folder: RunFolder,
    state: RunState,
    metadata: Callable[[], dict[str, Any]],
    show_samples: SampleFunction | None,
) -> None:
    recipe = sources.recipe
    batches, held_out = sources.training(state.epoch), sources.held_out()
    backbone = model.backbone

    def preset() -> Preset:
        return Preset(backbone.config, tokenizer, read_weights(backbone), metadata())

    callbacks: list[Any] = [EpochBatches(batches), Validation(held_out), Checkpoint(folder, state, preset)]
    if recipe.watch.tensorboard:
        callbacks.append(_tensorboard(folder.path / "tensorboard"))
    if show_samples is not None:
        callbacks.append(Samples(recipe.watch.samples, lambda text: show_samples(backbone, tokenizer, text)))
    # The order of the batches is theirs to decide: Keras would shuffle them by a state no checkpoint holds.
    model.fit(
        batches, initial_epoch=state.epoch, epochs=recipe.train.last_epoch, callbacks=callbacks, shuffle=False
    )


def _tensorboard(path: Path) -> Any:
    try:
        import tensorboard  # noqa: F401
    except ImportError:
        raise InputError(
            "watch.tensorboard is on, but TensorBoard is not installed: "
            "pip install 'roformer-sim[tensorboard]', or --set watch.tensorboard=false"
        ) from None
    return keras.callbacks.TensorBoard(str(path), write_graph=False, update_freq="epoch")


def _check_same_run(state: RunState, recipe: Recipe, folder: RunFolder) -> None:
    """Refuse to continue a run with other settings; only its length and the report may differ."""
    try:
        old, new = Recipe(**state.recipe).model_dump(), recipe.model_dump()
    except ValidationError as error:
        key = ".".join(map(str, error.errors()[0]["loc"]))
        raise InputError(
            f"{folder.path}: was begun by another version ({key}); use another --output"
        ) from None
<<<<<<< HEAD
    for values in (old, new):
        values.pop("watch")
        values["train"].pop("epochs")
        values["train"].pop("stop_after")
    for section in new:
        for key, value in new[section].items():
            if old[section].get(key) != value:
                raise InputError(
                    f"{folder.path}: was begun with {section}.{key}={old[section].get(key)!r}, the recipe "
                    f"says {value!r}; use another --output, or the same settings"
                )
=======
    check_same_settings(old, new, folder.path, free=("report", "train.epochs", "train.stop_after"))
>>>>>>> resume


def _without_folders(recipe: dict[str, Any]) -> dict[str, Any]:
    """The recipe with file names alone: a preset travels, the folders of its author do not."""
    for key in ("preset", "vocab"):
        if recipe["start"][key] is not None:
            recipe["start"][key] = Path(recipe["start"][key]).name
    for section, keys in {"data": recipe["data"], "watch": {"sts": recipe["watch"]["sts"]}}.items():
        for key, value in keys.items():
            if isinstance(value, list):
                recipe[section][key] = [_file_name(entry) for entry in value]
    return recipe


def _file_name(entry: Any) -> Any:
    if isinstance(entry, dict):
        return {**entry, "path": Path(entry["path"]).name}
    return Path(entry).name


def _metadata(
    recipe: Recipe, sources: Sources, state: RunState, started_from: dict[str, Any]
) -> dict[str, Any]:
    packages = ("keras", "numpy", "tokenizers", "jieba")
    return {
        "trained_by": "roformer-sim train",
        "recipe": _without_folders(recipe.model_dump()),
        "training_sets": sources.stream.sizes,
        "epochs_done": state.epoch,
        "history": state.history,
        "backend": keras.backend.backend(),
        "versions": {name: importlib.metadata.version(name) for name in packages}
        | {"python": platform.python_version()},
    } | ({"started_from": started_from} if started_from else {})
