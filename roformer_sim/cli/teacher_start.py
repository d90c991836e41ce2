"""``roformer-sim teacher-start`` and ``teacher-mix``: what distillation of a new network begins with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from corpus_builder.errors import InputError
from roformer_sim.cli import options
from roformer_sim.cli.outputs import print_json


def teacher_start(
    cache: Annotated[
        Path, typer.Argument(help="Folder of teacher-cache, which also read vocab.txt.", show_default=False)
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="PRESET", help="Folder to write.", show_default=False)
    ],
    vocab: Annotated[Path, typer.Option(metavar="vocab.txt", show_default=False)],
    config: Annotated[
        str, typer.Option(help="mini, small, base, or a JSON file of the network's shape.")
    ] = "mini",
    residual: Annotated[
        float, typer.Option(min=0, help="Factor on the outputs of all layers; 1 is BERT's start.")
    ] = 0.1,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    as_json: options.AsJson = False,
) -> None:
    """Make a new network whose token embeddings are the teacher's vectors of single tokens.

    \b
    roformer-sim teacher-cache use -i texts.txt.gz -i vocab.txt --sentences -o teacher-use
    roformer-sim teacher-start teacher-use --vocab vocab.txt -o start

    Beside the preset stands axes.safetensors, the axes along which the teacher's vectors are seen: the
    recipe's objectives.regression.axes.
    """
    from roformer_sim.checkpoints.atomic import atomic_folder
    from roformer_sim.checkpoints.preset import write_preset_files
    from roformer_sim.models.config import ModelConfig, config_file
    from roformer_sim.teachers.axes import AXES, fit_axes, write_axes
    from roformer_sim.teachers.cache import CachedTeacher
    from roformer_sim.teachers.start import teacher_start as start_from
    from roformer_sim.text import Tokenizer

    teacher, tokenizer = CachedTeacher(cache), Tokenizer.from_file(vocab)
    shape = ModelConfig.from_file(config_file(config), vocab_size=tokenizer.vocab_size)
    axes, kept = fit_axes(teacher.blocks(), shape.hidden_size, seed)
    preset = start_from(shape, tokenizer, teacher, axes, residual=residual, seed=seed)
    with atomic_folder(output) as place:
        write_preset_files(place, preset)
        write_axes(place / AXES, axes, {"teacher": teacher.teacher, "texts": str(teacher.count)})
    facts = {"output": str(output), "axes_keep": round(kept, 4), **preset.metadata["teacher_start"]}
    if as_json:
        print_json(facts)
        return
    print(
        f"{output}: {shape.num_hidden_layers} x {shape.hidden_size}, {facts['tokens_from_teacher']:,} of "
        f"{tokenizer.vocab_size:,} tokens from the teacher; the axes keep {100 * kept:.1f} % of its vectors"
    )


def teacher_mix(
    caches: Annotated[
        list[str], typer.Argument(metavar="FOLDER[=WEIGHT]...", help="Two or more.", show_default=False)
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="The new cache.", show_default=False)
    ],
    centre: Annotated[
        bool, typer.Option(help="Take each teacher's mean vector away first: spreads its cosines.")
    ] = True,
    as_json: options.AsJson = False,
) -> None:
    """Make one teacher of several caches: its cosines are the weighted means of theirs.

    \b
    roformer-sim teacher-mix teacher-use teacher-e5=2 -o teacher-both
    roformer-sim teacher-mix teacher-e5 -o teacher-e5-centred

    Holds the texts that all of them hold. A recipe takes it as cache:FOLDER.
    """
    from roformer_sim.teachers.mix import mix_caches

    count = mix_caches(output, [_part(cache) for cache in caches], centre=centre)
    if as_json:
        print_json({"output": str(output), "texts": count})
    else:
        print(f"{output}: vectors of {count:,} texts")


def _part(text: str):  # type: ignore[no-untyped-def]
    from roformer_sim.teachers.mix import Part

    folder, sign, weight = text.rpartition("=")
    try:
        return Part(Path(folder), float(weight)) if sign else Part(Path(text))
    except ValueError:
        raise InputError(f"{text}: expected FOLDER or FOLDER=WEIGHT") from None
