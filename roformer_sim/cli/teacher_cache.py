"""``roformer-sim teacher-cache``: a teacher's vectors, computed once."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

from roformer_sim.cli import options
from roformer_sim.cli.outputs import print_json
from roformer_sim.cli.quiet import load_keras


class VectorTypeName(StrEnum):
    """Types that vectors can be stored in."""

    FLOAT16 = "float16"
    FLOAT32 = "float32"

    @property
    def stored(self) -> Literal["float16", "float32"]:
        """As the library calls it."""
        return "float16" if self is VectorTypeName.FLOAT16 else "float32"


def teacher_cache(
    teacher: Annotated[
        str,
        typer.Argument(
            help="Preset or its folder (NAME@P3 chooses the vector), use, e5, sentence-transformers:NAME, "
            "python:module:function.",
            show_default=False,
        ),
    ],
    inputs: Annotated[
        list[str],
        typer.Option(
            "--input",
            "-i",
            metavar="FILE",
            help="Training file, folder or glob: groups, pairs, STS tables, triples, plain text; also "
            "compressed. May be repeated.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FOLDER", help="The cache; added to.", show_default=False),
    ],
    maxlen: Annotated[
        int, typer.Option(min=8, help="data.maxlen of the recipe: long texts are cut as it cuts them.")
    ] = 64,
    dtype: Annotated[
        VectorTypeName | None,
        typer.Option(
            help="Of the stored numbers; float16 changes a cosine by 0.001 at most.",
            show_default="float16, or that of the cache",
        ),
    ] = None,
    sentences: Annotated[
        bool,
        typer.Option("--sentences", help='Cut texts into sentences first, as data.rows = "twice" does.'),
    ] = False,
    block_size: Annotated[
        int, typer.Option(min=1, help="Texts between two writes: what a killed run loses.")
    ] = 1024,
    workers: Annotated[
        int, typer.Option(min=1, help="Processes, each with the teacher in one thread; for use, one a core.")
    ] = 1,
    as_json: options.AsJson = False,
) -> None:
    """Compute a teacher's vectors of all texts of training files, once, for distillation.

    \b
    roformer-sim teacher-cache use -i groups.jsonl.gz -i answers.jsonl.gz -o teacher-use --workers 2
    roformer-sim teacher-cache runs/base/best@P2 -i corpus/ -o teacher-base --maxlen 48
    roformer-sim teacher-cache python:my_teacher:encode -i texts.txt.gz -o cache --dtype float32 --json

    A recipe takes the result as cache:FOLDER. The same command goes on where it was killed, and adds the
    texts of further files. python:module:function imports that module and so runs what it holds.
    """
    from corpus_builder.run import Progress
    from roformer_sim.teachers import TrainingTexts, fill_cache, needs_keras

    started = time.monotonic()
    texts = TrainingTexts(inputs, maxlen, sentences=sentences)
    if needs_keras(teacher):
        load_keras()
    with Progress("teacher-cache", "texts") as progress:
        before = 0

        def on_progress(added: int, total: int) -> None:
            nonlocal before
            progress.advance("encoding", added - before, total)
            before = added

        filled = fill_cache(
            output,
            teacher,
            texts,
            dtype=None if dtype is None else dtype.stored,
            block_size=block_size,
            workers=workers,
            on_progress=on_progress,
        )
    if as_json:
        seconds = round(time.monotonic() - started, 2)
        print_json({"output": str(output), "teacher": teacher, **vars(filled), "seconds": seconds})
    else:
        print(
            f"{filled.added:,} of {filled.texts:,} texts encoded now; "
            f"{output} holds {filled.count:,} vectors of {filled.dimension} numbers"
        )
