"""``roformer-sim evaluate``: its commands, and ``sts``, Spearman on sentence-similarity tables."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from corpus_builder.errors import InputError
from roformer_sim.cli import options
from roformer_sim.cli.evaluate_generation import generation
from roformer_sim.cli.outputs import print_json
from roformer_sim.cli.quiet import load_keras

if TYPE_CHECKING:
    from roformer_sim.evaluation import StsReport
    from roformer_sim.evaluation.sentence_model import SentenceModel

evaluate = typer.Typer(name="evaluate", help="Measure a model.", add_completion=False, rich_markup_mode=None)


@evaluate.callback()
def _evaluate() -> None:
    """Measure a model."""


evaluate.command()(generation)


@evaluate.command()
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
    model: options.Model = options.DEFAULT_PRESET,
    compare: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PRESET", help="Another model on the same rows. May be repeated.", show_default=False
        ),
    ] = None,
    untrained: Annotated[
        bool, typer.Option("--untrained", help="Also a newly initialised network of the same shape.")
    ] = False,
    require_better: Annotated[
        bool,
        typer.Option(
            "--require-better",
            help="Exit with 1 unless the best pooling beats the untrained network's best on every table.",
        ),
    ] = False,
    split: Annotated[str, typer.Option(help="Which <split>.tsv to take from a folder.")] = "valid",
    maxlen: Annotated[int, typer.Option(min=3, help="Most tokens of a sentence; cut ones are counted.")] = 64,
    batch_size: options.BatchSize = 64,
    seed: Annotated[int, typer.Option(min=0, help="Of the untrained network.")] = 0,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="Also write sts.json and sts.md here.",
            show_default=False,
        ),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Spearman x 100 of cosine and label for the poolings P1 to P4, beside character Jaccard.

    \b
    roformer-sim evaluate sts --data sts
    roformer-sim evaluate sts -m runs/mini/best -d sts/ATEC/valid.tsv -d sts/BQ/valid.tsv --untrained
    roformer-sim evaluate sts -m my_model --compare roformer_sim_char_mini_zh -d sts --split test -o report

    A table is text_a<TAB>text_b<TAB>label with that header; DIR holds DIR/<name>/<split>.tsv (.gz, .xz).
    """
    from roformer_sim.evaluation import find_sts_files, read_sts_table

    if require_better and not untrained:
        raise InputError("--require-better compares with the untrained network: give --untrained too")
    tables = [read_sts_table(path) for path in find_sts_files(data, split)]
    if output is not None:
        _make_folder(output)
    from roformer_sim.evaluation import StsReport, evaluate_sts, jaccard_baseline

    models = _load(model, compare or [], untrained, seed, maxlen, batch_size)
    report = StsReport(
        tables,
        [evaluate_sts(m.encode, tables, name=m.name, count_truncated=m.count_truncated) for m in models],
        jaccard_baseline(tables),
        untrained=models[-1].name if untrained else None,
        maxlen=maxlen,
    )
    if output is not None:
        _write(report, output)
    if as_json:
        print_json(report.to_dict())
    else:
        report.print()
    if require_better and not all(points > 0 for points in report.gains()["best"].values()):
        print("error: the model does not beat the untrained network on every table", file=sys.stderr)
        raise typer.Exit(1)


def _load(
    model: str, compare: list[str], untrained: bool, seed: int, maxlen: int, batch_size: int
) -> list[SentenceModel]:
    """The model asked about, those compared with, and the untrained one last."""
    load_keras()
    from roformer_sim.evaluation.sentence_model import SentenceModel, untrained_like
    from roformer_sim.model import RoFormerSim

    names = [model, *compare]
    if len(set(names)) < len(names):
        raise InputError("--compare names a model twice")
    networks = {name: RoFormerSim.from_preset(name) for name in names}
    if untrained:
        networks[f"untrained (seed {seed})"] = untrained_like(networks[model], seed)
    progress = sys.stderr.isatty()
    return [SentenceModel(name, network, maxlen, batch_size, progress) for name, network in networks.items()]


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror or error}") from None


def _write(report: StsReport, folder: Path) -> None:
    from corpus_builder.writers import AtomicWriter

    with AtomicWriter(folder / "sts.json") as out:
        out.write_line(json.dumps(report.to_dict(), ensure_ascii=False, indent=2))
    with AtomicWriter(folder / "sts.md") as out:
        out.write_line(report.to_markdown().rstrip("\n"))
