"""``roformer-sim whiten fit``: mean and covariance of a corpus."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from corpus_builder.errors import InputError
from roformer_sim.cli import options
from roformer_sim.cli.outputs import print_json
from roformer_sim.cli.quiet import load_needed
from roformer_sim.cli.searching import counted

if TYPE_CHECKING:
    import numpy as np

    from roformer_sim.model import RoFormerSim

whiten = typer.Typer(name="whiten", help="BERT-whitening.", add_completion=False, rich_markup_mode=None)

_TOGETHER = 4096


@whiten.callback()
def _whiten() -> None:
    """BERT-whitening: vectors whose numbers are uncorrelated."""


@whiten.command()
def fit(
    inputs: Annotated[
        list[str],
        typer.Option(
            "--input",
            "-i",
            metavar="FILE",
            help="Sentences: text of one a line, or a field or column. May be repeated.",
            show_default=False,
        ),
    ],
    model: options.Model = options.DEFAULT_PRESET,
    pooling: options.PoolingOption = None,
    dimension: Annotated[
        int | None,
        typer.Option("--dimension", "-d", min=1, help="Keep the first d directions.", show_default="all"),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE.safetensors",
            help="Write here.",
            show_default="whitening.<pooling>.safetensors in the preset's folder",
        ),
    ] = None,
    column: Annotated[str, typer.Option(help="Field or column of the sentence.")] = "text",
    maxlen: Annotated[int, typer.Option(min=3, help="Most tokens of a sentence; longer ones are cut.")] = 256,
    as_json: options.AsJson = False,
) -> None:
    """Fit a whitening (arXiv:2103.15316) on the sentences of files, which are streamed.

    \b
    roformer-sim whiten fit -m my_model -i sentences.txt
    roformer-sim whiten fit -i 'corpus/*.jsonl.gz' --pooling P4 --dimension 128 -o whitening.safetensors

    It belongs to this model and this pooling. `index build --whiten` applies it.
    """
    load_needed(encoding="auto")
    from roformer_sim.checkpoints import resolve_preset
    from roformer_sim.checkpoints.fingerprint import fingerprint
    from roformer_sim.checkpoints.folders import SHIPPED
    from roformer_sim.model import RoFormerSim
    from roformer_sim.retrieval.whitening import Whitening, note_in_preset, whitening_path

    folder = resolve_preset(model)
    if output is None and folder.parent == SHIPPED:
        raise InputError(f"{model} is part of the program; name a file with --output")
    network = RoFormerSim.from_preset(model)
    chosen = network.config.pooling if pooling is None else pooling.value
    mark = fingerprint(network.config, network.tokenizer, network.network.weights())
    with counted("encoded") as on_progress:
        fitted = Whitening.fit(
            _vectors(network, inputs, column, chosen, maxlen, on_progress),
            dimension,
            {"weights": mark, "pooling": chosen},
        )
    path = output or whitening_path(folder, chosen)
    fitted.save(path)
    if output is None:
        note_in_preset(folder, fitted)
    values = {"file": str(path), **fitted.about, "dimensions": fitted.dimension}
    if as_json:
        print_json(values)
    else:
        print(f"{fitted.about['texts']:,} texts, {chosen}: {fitted.dimension} dimensions, written to {path}")


def _vectors(
    network: RoFormerSim, inputs: list[str], column: str, pooling: str, maxlen: int, on_progress: object
) -> Iterator[np.ndarray]:
    from roformer_sim.search.inputs import read_index_rows

    rows = read_index_rows(inputs, column=column)
    count = 0
    while block := [row.text for row in islice(rows, _TOGETHER)]:
        yield network.encode(block, pooling=pooling, normalize=False, maxlen=maxlen)
        count += len(block)
        assert callable(on_progress)
        on_progress(count)
