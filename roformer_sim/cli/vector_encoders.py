"""What the commands that measure single vectors share: their encoders, folder and table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from corpus_builder.errors import InputError
from roformer_sim.cli import options
from roformer_sim.cli.quiet import load_needed

if TYPE_CHECKING:
    from roformer_sim.evaluation.vectors import VectorEncoder

Encoders = Annotated[
    list[str] | None,
    typer.Option(
        "--encoder",
        "-e",
        "--model",
        "-m",
        metavar="NAME",
        help="What is measured: a preset or its folder (its own vector; NAME@P3: another), use, e5, "
        "sentence-transformers:PATH, python:module:function, cache:FOLDER. May be repeated.",
        show_default=options.DEFAULT_PRESET,
    ),
]
Maxlen = Annotated[
    int, typer.Option(min=3, help="Most tokens of a sentence of a preset; cut ones are counted.")
]


def load_encoders(specs: list[str] | None, maxlen: int) -> list[VectorEncoder]:
    """The encoders in their order.

    Raises:
        InputError: One is named twice, does not exist, or has no vectors.
    """
    from roformer_sim.evaluation.sts.encoders import needs_keras
    from roformer_sim.evaluation.vectors import load_vector_encoder

    specs = specs or [options.DEFAULT_PRESET]
    twice = next((spec for spec in specs if specs.count(spec) > 1), None)
    if twice is not None:
        raise InputError(f"--encoder {twice}: named twice")
    for spec in specs:
        if spec != "jaccard" and needs_keras(spec):
            load_needed()
    return [load_vector_encoder(spec, maxlen=maxlen) for spec in specs]


def prepare_folder(folder: Path) -> None:
    """Make the folder at once, so that a place that cannot be written is known before the work begins.

    Raises:
        InputError: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror or error}") from None


def print_lines(title: str, head: list[str], lines: list[list[str]], notes: list[str]) -> None:
    """A table and its notes on standard output, uncut where that is no terminal."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    grid = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
    grid.add_column(head[0], overflow="fold")
    for name in head[1:]:
        grid.add_column(name, justify="right")
    for line in lines:
        grid.add_row(*line)
    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        console = Console(markup=False, highlight=False, width=1000)
    console.print(grid)
    for note in notes:
        console.print(note, soft_wrap=True)
