"""``roformer-sim evaluate sts``: the benchmark of sentence similarity."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from corpus_builder.errors import InputError
from roformer_sim.cli import options
from roformer_sim.cli.outputs import print_json
from roformer_sim.cli.quiet import load_keras, say

if TYPE_CHECKING:
    from roformer_sim.evaluation.sts import StsEncoder, StsTable

_FIVE = "five"
_UNTRAINED = "untrained (seed "


def sts(
    data: Annotated[
        list[str],
        typer.Option(
            "--data",
            "-d",
            metavar="DIR_OR_FILE",
            help="Folder of tables, or a table. May be repeated.",
            show_default=False,
        ),
    ],
    encoders: Annotated[
        list[str] | None,
        typer.Option(
            "--encoder",
            "-e",
            "--model",
            "-m",
            metavar="NAME",
            help="What is measured: a preset or its folder (NAME@P3: one vector), use, e5, "
            "sentence-transformers:PATH, python:module:function, cache:FOLDER, jaccard. May be repeated.",
            show_default=options.DEFAULT_PRESET,
        ),
    ] = None,
    sets: Annotated[
        str | None,
        typer.Option(
            help=f"Only these sets of the folders, A,B,C; {_FIVE}: ATEC, BQ, LCQMC, PAWSX, STS-B.",
            show_default="all",
        ),
    ] = None,
    split: Annotated[str, typer.Option(help="Which <split>.tsv to take from a folder.")] = "valid",
    untrained: Annotated[
        bool,
        typer.Option("--untrained", help="Also a newly initialised network of the first preset's shape."),
    ] = False,
    require_better: Annotated[
        bool,
        typer.Option(
            "--require-better",
            help="Exit with 1 unless the first encoder's best raw vectors beat the untrained network's on "
            "every table.",
        ),
    ] = False,
    maxlen: Annotated[
        int, typer.Option(min=3, help="Most tokens of a sentence of a preset; cut ones are counted.")
    ] = 64,
    batch_size: options.BatchSize = 64,
    resamples: Annotated[
        int, typer.Option(min=0, help="Bootstrap resamples for the 95 % intervals; 0 for none.")
    ] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of the resamples and the untrained network.")] = 0,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="Also write sts.json, sts.csv, sts.md, sts.html and PNG plots here.",
            show_default=False,
        ),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Spearman x 100 of score and label: poolings P1 to P4, raw, whitened, whitened to 256 dimensions.

    \b
    roformer-sim evaluate sts --data sts
    roformer-sim evaluate sts -d sts --sets five -e runs/mini/best -e use -o report
    roformer-sim evaluate sts -d mine.jsonl -e sentence-transformers:models/bge -e python:my_code:encode

    A table is text_a<TAB>text_b<TAB>label with that header, or JSON lines with these keys; DIR holds
    DIR/<name>/<split>.tsv. Character Jaccard stands last in every table. Whitening is fitted on the evaluated
    table's own sentences, as published. python:module:function imports that module and so runs what it holds.
    """
    from roformer_sim.evaluation.sts import Bootstrap, StsReport, published_rows
    from roformer_sim.evaluation.sts.terminal import print_report

    if require_better and not untrained:
        raise InputError("--require-better compares with the untrained network: give --untrained too")
    specs = encoders or [options.DEFAULT_PRESET]
    twice = next((spec for spec in specs if specs.count(spec) > 1), None)
    if twice is not None:
        raise InputError(f"--encoder {twice}: named twice")
    tables = _tables(data, split, sets)
    if output is not None:
        _prepare(output)
    bootstrap = Bootstrap(resamples, seed)
    chosen = _load(
        [*specs, *([] if "jaccard" in specs else ["jaccard"])], untrained, seed, maxlen, batch_size
    )
    scores = [encoder.evaluate(tables, bootstrap) for encoder in chosen]
    name = next((score.name for score in scores if score.name.startswith(_UNTRAINED)), None)
    report = StsReport(tables, scores, name if untrained else None, maxlen, bootstrap, published_rows())
    if output is not None:
        from roformer_sim.evaluation.sts.files import write_report

        write_report(report, output)
    if as_json:
        print_json(report.to_dict())
    else:
        print_report(report)
    if require_better and not all(points > 0 for points in report.gains().values()):
        print("error: the model does not beat the untrained network on every table", file=sys.stderr)
        raise typer.Exit(1)


def _tables(data: list[str], split: str, sets: str | None) -> list[StsTable]:
    """The tables asked for; sets that are not there are said."""
    from roformer_sim.evaluation.sts import FIVE, find_sts_files, read_sts_table

    names = None
    if sets is not None:
        names = list(FIVE) if sets == _FIVE else [name.strip() for name in sets.split(",") if name.strip()]
    tables = [read_sts_table(path) for path in find_sts_files(data, split, names)]
    missing = [name for name in names or [] if name not in {table.name for table in tables}]
    if missing:
        say(f"{', '.join(data)}: no {split} table of {', '.join(missing)}; left out")
    return tables


def _load(specs: list[str], untrained: bool, seed: int, maxlen: int, batch_size: int) -> list[StsEncoder]:
    """The encoders in their order; the untrained network behind the preset it is like."""
    from roformer_sim.evaluation.sts.encoders import from_model, load_encoder, needs_keras

    found: list[StsEncoder] = []
    progress = sys.stderr.isatty()
    if any(map(needs_keras, specs)):
        load_keras()
    for place, spec in enumerate(specs):
        encoder = load_encoder(spec, maxlen=maxlen, batch_size=batch_size, progress=progress)
        found.append(encoder)
        if untrained and place == 0:
            if encoder.model is None:
                raise InputError(f"--untrained: the first encoder, {spec}, is no preset; name one first")
            from roformer_sim.evaluation.sts.sentence_model import untrained_like

            found.append(from_model(untrained_like(encoder.model, seed, f"{_UNTRAINED}{seed})")))
    return found


def _prepare(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror or error}") from None
