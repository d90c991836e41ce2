"""``roformer-sim train``: run a recipe, or go on with its run."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from corpus_builder.errors import InputError
from roformer_sim.cli import options
from roformer_sim.cli.outputs import print_json
from roformer_sim.cli.quiet import load_keras

if TYPE_CHECKING:
    from roformer_sim.model import RoFormerSim
    from roformer_sim.models import Backbone
    from roformer_sim.text import Tokenizer
    from roformer_sim.training.recipe import Recipe
    from roformer_sim.training.running import Helpers
    from roformer_sim.training.sources import TeacherFunction

RECIPES = Path(__file__).parent.parent / "training" / "recipes"


class Interrupted(Exception):
    """Ctrl-C where something can be said about what is left."""


def train(
    recipe: Annotated[
        str,
        typer.Argument(metavar="RECIPE", help="TOML file, or a shipped recipe's name.", show_default=False),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="RUN",
            help="Folder of the run; resumed if it is there.",
            show_default=False,
        ),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Replace a value of the recipe. May be repeated.",
            show_default=False,
        ),
    ] = None,
    untrained: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Write the network as it is before training, and stop.", show_default=False
        ),
    ] = None,
    explain_only: Annotated[
        bool, typer.Option("--explain", help="Print what would run, every value with it, and stop.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Train a model by a recipe; the same command goes on with a run that was stopped.

    \b
    roformer-sim train stage1_mini --output runs/mini
    roformer-sim train my.toml --output runs/mine --set train.epochs=3 --set "data.groups=['groups.jsonl.gz']"
    roformer-sim train stage2 --explain
    roformer-sim train stage1_mini --untrained runs/untrained --set start.vocab=vocab.txt

    RUN/last and RUN/best are presets. Progress goes to stdout, with --json to stderr.
    """
    if not explain_only and (output is None) == (untrained is None):
        raise InputError(
            "give --output RUN to train, --explain to see what would run, or --untrained FOLDER to write the "
            "network before training"
        )
    path = find_recipe(recipe)
    from roformer_sim.training.recipe import Recipe

    settings = Recipe.from_file(path, overrides or [])
    if explain_only:
        from roformer_sim.training.explain import explain

        print_json(settings.model_dump()) if as_json else print(explain(settings))
        return
    load_keras()
    if untrained is not None:
        write_untrained(settings, untrained)
        result = {"preset": str(untrained)}
    else:
        assert output is not None
        with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
            result = {"best": str(run(settings, output)), "last": str(output / "last")}
    if as_json:
        print_json(result)
    else:
        print("\n".join(f"{key}: {value}" for key, value in result.items()))


def find_recipe(name: str) -> Path:
    """The file of a recipe's name, or the file itself.

    Raises:
        InputError: neither; the shipped names are listed.
    """
    shipped = RECIPES / f"{name}.toml"
    if Path(name).is_file():
        return Path(name)
    if shipped.is_file():
        return shipped
    names = ", ".join(sorted(path.stem for path in RECIPES.glob("*.toml")))
    raise InputError(f"{name}: neither a file nor a shipped recipe ({names})")


def run(recipe: Recipe, output: Path) -> Path:
    """Train; on Ctrl-C say where the last complete checkpoint is."""
    from roformer_sim.training import trainer
    from roformer_sim.training.run_folder import RunFolder

    try:
        return trainer.train(recipe, output, helpers(recipe))
    except KeyboardInterrupt:
        last = RunFolder(output).last
        if last is None:
            raise Interrupted("interrupted; no epoch was complete; the same command begins anew") from None
        raise Interrupted(
            f"interrupted; the last complete checkpoint is {last}; the same command goes on from there"
        ) from None


def helpers(recipe: Recipe) -> Helpers:
    """What generation, evaluation and teachers do for a run of this recipe."""
    from roformer_sim.training.running import Helpers

    probe = None
    if recipe.watch.sts:
        from roformer_sim.evaluation.sts_probe import StsProbe

        rows, maxlen = recipe.watch.sts_rows or None, recipe.data.maxlen
        probe = StsProbe(recipe.watch.sts, max_rows=rows, maxlen=maxlen)
    return Helpers(
        samples=SampleSynonyms(),
        measure=probe,
        measured=() if probe is None else tuple(probe.names),
        open_teacher=open_teacher,
    )


def open_teacher(spec: str, texts: Iterable[str]) -> TeacherFunction:
    """A recipe's teacher; a cache must hold every sentence, others are asked for each but once.

    Raises:
        InputError: No such teacher, or a cache that lacks a sentence (the command that adds it is named).
    """
    from roformer_sim.teachers import CachedTeacher, RememberingTeacher, load_teacher

    teacher = load_teacher(spec)
    if not isinstance(teacher, CachedTeacher):
        return RememberingTeacher(teacher)
    distinct = list(dict.fromkeys(texts))
    missing = teacher.missing(distinct)
    if missing:
        raise InputError(
            f"{spec}: lacks {len(missing):,} of the {len(distinct):,} sentences of this recipe, first "
            f"{missing[0]!r}; add them by roformer-sim teacher-cache with the recipe's files and data.maxlen "
            '(--sentences for data.rows = "twice")'
        )
    return teacher


class SampleSynonyms:
    """Synonyms of a text for the trainer's look at each epoch's end, the same draws each time."""

    def __init__(self) -> None:
        self._model: RoFormerSim | None = None

    def __call__(self, backbone: Backbone, tokenizer: Tokenizer, text: str) -> list[str]:
        # One model for the whole run: each one compiles an encoder of its own.
        if self._model is None or self._model.backbone is not backbone:
            from roformer_sim.model import RoFormerSim

            self._model = RoFormerSim(backbone, tokenizer)
        # Engines keep the weights that they were made with, and training has gone on since.
        self._model.generator.forget_engines()
        return self._model.gen_synonyms(text, n=20, k=5, seed=0)


def write_untrained(recipe: Recipe, folder: Path) -> None:
    """Write what the recipe starts from as a preset: a new network of its seed, or the preset it names."""
    import keras

    from roformer_sim.checkpoints import Preset, read_weights, save_preset
    from roformer_sim.models import Backbone
    from roformer_sim.training.run_metadata import without_folders
    from roformer_sim.training.start import new_or_preset

    keras.utils.set_random_seed(recipe.train.seed)
    start = new_or_preset(recipe.start)
    metadata: dict[str, Any] = {
        "trained_by": None,
        "start": without_folders(recipe.model_dump())["start"],
        "seed": recipe.train.seed,
    }
    weights = start.weights or read_weights(Backbone(start.config))
    save_preset(folder, Preset(start.config, start.tokenizer, weights, metadata))
