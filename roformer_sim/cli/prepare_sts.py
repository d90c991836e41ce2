"""``roformer-sim prepare-sts``: public files to the folder that ``evaluate sts`` reads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from corpus_builder.errors import InputError
from roformer_sim.cli import options
from roformer_sim.cli.outputs import print_json
from roformer_sim.cli.quiet import say


def prepare_sts(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE", help="Downloaded file or folder, or SET:SPLIT=FILE.", show_default=False
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Receives SET/SPLIT.tsv.")
    ] = Path("sts"),
    hub: Annotated[
        list[str] | None,
        typer.Option(
            "--hub",
            metavar="SET",
            help="Fetch this set from the Hugging Face hub (ATEC, BQ, LCQMC, PAWSX, STS-B, AFQMC, QBQTC; "
            "five: the first five). May be repeated.",
            show_default=False,
        ),
    ] = None,
    split: Annotated[
        list[str] | None,
        typer.Option(help="Only these splits. May be repeated.", show_default="train, valid and test"),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite tables that are there.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """Turn public files of sentence pairs into SET/SPLIT.tsv, as `evaluate sts` reads them.

    \b
    roformer-sim prepare-sts downloads/ -o sts
    roformer-sim prepare-sts ATEC:valid=atec_dev.csv LCQMC:valid=lcqmc/dev.txt -o sts
    roformer-sim prepare-sts --hub five --split valid -o sts

    Set and split are taken from the paths. Read are the layouts of senteval_cn, LCQMC, ATEC, PAWS-X, CNSD,
    AFQMC, SOHU 2021 and QBQTC: tables with or without a header, JSON lines, Parquet. Mind the sets' licences.
    """
    from roformer_sim.evaluation.sts import FIVE
    from roformer_sim.evaluation.sts.hub import download
    from roformer_sim.evaluation.sts.prepare import find_sources
    from roformer_sim.evaluation.sts.prepare import prepare_sts as prepare

    if not sources and not hub:
        raise InputError("nothing to prepare: name downloaded files or folders, or --hub SET")
    wanted = split or ["train", "valid", "test"]
    found, passed = find_sources(sources) if sources else ([], [])
    for file in passed:
        say(f"{file}: its path names no known set and split; left out (SET:SPLIT={file} takes it)")
    found = [
        source for source in found if source.split in wanted or source.split not in ("train", "valid", "test")
    ]
    for name in [one for asked in hub or [] for one in (FIVE if asked == "five" else [asked])]:
        found += download(name, wanted)
    if not found:
        raise InputError(f"no file of the splits {', '.join(wanted)} was found")
    for table in prepare(found, output, replace=replace):
        if table.without_label:
            say(f"{table.path}: {table.without_label:,} rows without a label left out")
        if as_json:
            print_json(vars(table) | {"path": str(table.path)})
        elif table.rows:
            counts = ", ".join(f"{label}: {count:,}" for label, count in sorted(table.labels.items())[:8])
            print(f"{table.path}: {table.rows:,} pairs (labels {counts})")
