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
from roformer_sim.checkpoints import load_any, resolve_preset
from roformer_sim.checkpoints.preset import Preset
from roformer_sim.checkpoints.weights import assign_weights, read_weights
from roformer_sim.models import Backbone, ModelConfig
from roformer_sim.text import Tokenizer
from roformer_sim.training.batches import RowMaker, Stage1Batches, longest_row, validation_batches
from roformer_sim.training.callbacks import Checkpoint, EpochBatches, Samples, Validation
from roformer_sim.training.pairs import PairStream
from roformer_sim.training.recipe import Recipe, StartSection
from roformer_sim.training.run_folder import RunFolder, RunState
from roformer_sim.training.same_run import check_same_settings
from roformer_sim.training.schedule import WarmupSchedule
from roformer_sim.training.stage1 import Stage1Model

SampleFunction = Callable[[Backbone, Tokenizer, str], list[str]]


def train(recipe: Recipe, output: str | Path, *, show_samples: SampleFunction | None = None) -> Path:
    """Train stage 1 by a recipe, or go on with the run in ``output``.

    A run that was stopped, even killed, and goes on sees the same batches, drops the same units and ends
    with the weights of one that never stopped.

    Args:
        recipe: What to do; a run is resumed only by the recipe that began it (more epochs allowed).
        output: Folder of the run: ``last``, ``best`` (presets), ``epoch-...``, ``tensorboard``.
        show_samples: Called after each epoch for each text of ``report.samples``.

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
    stream = PairStream(
        recipe.data.groups,
        recipe.data.pairs,
        maxlen=recipe.data.maxlen,
        held_out=recipe.data.held_out,
        seed=recipe.train.seed,
    )
    print(f"training sets (questions, general): {stream.sizes}; held out: {recipe.data.held_out} each")
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
    folder.check_space(model, recipe.train.last_epoch - state.epoch)
    folder.restore(model)
    metadata = functools.partial(_metadata, recipe, stream, state, started_from)
    _fit(model, start.tokenizer, stream, recipe, folder, state, metadata, show_samples)
    return folder.path / "best"


def new_or_preset(start: StartSection) -> Preset:
    """The preset to begin with; a new network has no weights yet."""
    if start.preset is not None:
        if start.vocab is not None or start.config is not None:
            raise InputError("start: give either preset, or vocab and config")
        preset = load_any(resolve_preset(start.preset))
    elif start.vocab is None or start.config is None:
        raise InputError("start: give either preset, or vocab and config")
    else:
        tokenizer = Tokenizer.from_file(start.vocab)
        config = ModelConfig.from_dict(
            {**start.config, "vocab_size": tokenizer.vocab_size}, where="start.config"
        )
        preset = Preset(config, tokenizer, {})
    changes = {"hidden_dropout_prob": start.dropout, "pooling": start.pooling}
    changes = {key: value for key, value in changes.items() if value is not None}
    preset.config = preset.config.model_copy(update=changes)
    return preset


def compile_model(backbone: Backbone, recipe: Recipe) -> Stage1Model:
    """Stage-1 model with AdamW; biases and norms are not decayed."""
    settings = recipe.train
    # Where another vector is trained, the pooler has no part in the losses.
    backbone.pooler.trainable = backbone.config.pooling == "P2"
    model = Stage1Model(
        backbone,
        scale=settings.scale,
        generation_weight=settings.generation_weight,
        similarity_weight=settings.similarity_weight,
    )
    total = settings.epochs * settings.steps_per_epoch if settings.schedule == "linear" else None
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
    model: Stage1Model,
    tokenizer: Tokenizer,
    stream: PairStream,
    recipe: Recipe,
    folder: RunFolder,
    state: RunState,
    metadata: Callable[[], dict[str, Any]],
    show_samples: SampleFunction | None,
) -> None:
    settings = recipe.train
    maker = RowMaker(tokenizer, maxlen=recipe.data.maxlen, noise=recipe.data.noise)
    batches = Stage1Batches(
        stream,
        maker,
        batch_rows=settings.batch_rows,
        steps=settings.steps_per_epoch,
        seed=settings.seed,
        kind_weights=settings.kind_weights,
        first_epoch=state.epoch,
    )
    held_out = validation_batches(
        stream, maker, batch_rows=settings.batch_rows, seed=settings.seed, kind_weights=settings.kind_weights
    )
    if recipe.data.held_out and not held_out:
        raise InputError(
            f"data.held_out {recipe.data.held_out}: the pairs held out do not fill one batch of "
            f"{settings.batch_rows} rows; hold out more, or 0 to choose the best epoch by training loss"
        )
    backbone = model.backbone

    def preset() -> Preset:
        return Preset(backbone.config, tokenizer, read_weights(backbone), metadata())

    callbacks: list[Any] = [EpochBatches(batches), Validation(held_out), Checkpoint(folder, state, preset)]
    if recipe.report.tensorboard:
        callbacks.append(_tensorboard(folder.path / "tensorboard"))
    if show_samples is not None:
        callbacks.append(Samples(recipe.report.samples, lambda text: show_samples(backbone, tokenizer, text)))
    # The order of the batches is theirs to decide: Keras would shuffle them by a state no checkpoint holds.
    model.fit(
        batches, initial_epoch=state.epoch, epochs=settings.last_epoch, callbacks=callbacks, shuffle=False
    )


def _tensorboard(path: Path) -> Any:
    try:
        import tensorboard  # noqa: F401
    except ImportError:
        raise InputError(
            "report.tensorboard is on, but TensorBoard is not installed: "
            "pip install 'roformer-sim[tensorboard]', or --set report.tensorboard=false"
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
    check_same_settings(old, new, folder.path, free=("report", "train.epochs", "train.stop_after"))


def _without_folders(recipe: dict[str, Any]) -> dict[str, Any]:
    """The recipe with file names alone: a preset travels, the folders of its author do not."""
    for section, keys in {"start": ("preset", "vocab"), "data": ("groups", "pairs")}.items():
        for key in keys:
            value = recipe[section][key]
            if isinstance(value, str):
                recipe[section][key] = Path(value).name
            elif value:
                recipe[section][key] = [Path(path).name for path in value]
    return recipe


def _metadata(
    recipe: Recipe, stream: PairStream, state: RunState, started_from: dict[str, Any]
) -> dict[str, Any]:
    packages = ("keras", "numpy", "tokenizers", "jieba")
    return {
        "trained_by": "roformer-sim train",
        "recipe": _without_folders(recipe.model_dump()),
        "training_sets": stream.sizes,
        "epochs_done": state.epoch,
        "history": state.history,
        "backend": keras.backend.backend(),
        "versions": {name: importlib.metadata.version(name) for name in packages}
        | {"python": platform.python_version()},
    } | ({"started_from": started_from} if started_from else {})
