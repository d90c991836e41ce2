"""``roformer-sim evaluate probes``: linear classifiers on frozen vectors."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from roformer_sim.cli import options
from roformer_sim.cli.outputs import print_json
from roformer_sim.cli.vector_encoders import Encoders, Maxlen, load_encoders, prepare_folder, print_lines


def probes(
    data: Annotated[
        list[str],
        typer.Option(
            "--data",
            "-d",
            metavar="DIR_OR_FILE",
            help="Folder of sets, DIR/<name>/<split>.tsv, or a table text, label. May be repeated.",
            show_default=False,
        ),
    ],
    encoders: Encoders = None,
    sets: Annotated[
        str | None, typer.Option(help="Only these sets of the folders, A,B,C.", show_default="all")
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(help="Which <split>.tsv of a set.", show_default="all, else valid, else train"),
    ] = None,
    folds: Annotated[int, typer.Option(min=3, help="Of the cross-validation.")] = 5,
    rows: Annotated[
        int | None, typer.Option(min=3, help="A random sample of so many texts a set.", show_default="all")
    ] = None,
    skip_empty: Annotated[
        bool, typer.Option("--skip-empty", help="Pass over empty texts, counted, instead of refusing them.")
    ] = False,
    maxlen: Maxlen = 64,
    seed: Annotated[int, typer.Option(min=0, help="Of samples and folds.")] = 0,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="Also write probes.json, .csv, .md and a PNG plot here.",
            show_default=False,
        ),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Accuracy and macro-F1 of a linear classifier on an encoder's frozen vectors, cross-validated.

    \b
    roformer-sim evaluate probes --data cls -e roformer_sim_char_mini_zh -e use --rows 1000 -o report
    roformer-sim evaluate probes -d cls --sets TNEWS,KUAKE-QIC -e runs/mini/best -e runs/mini/best@P3

    A table has the columns text and label: TSV or CSV with that header, JSON lines, Parquet. The majority
    class and a bag of characters stand last in every table.
    """
    from roformer_sim.evaluation.probes import ProbeReport, find_class_files, measure_probes, read_class_table
    from roformer_sim.evaluation.probes.report import METRICS

    names = None if sets is None else [name.strip() for name in sets.split(",") if name.strip()]
    tables = [
        read_class_table(path, folds=folds, rows=rows, seed=seed, skip_empty=skip_empty)
        for path in find_class_files(data, split, names)
    ]
    if output is not None:
        prepare_folder(output)
    found = measure_probes(
        load_encoders(encoders, maxlen),
        tables,
        folds=folds,
        seed=seed,
        on_step=_say if sys.stderr.isatty() else lambda message: None,
    )
    report = ProbeReport(tables, found, folds, seed, maxlen)
    if output is not None:
        from roformer_sim.evaluation.probes.files import write_probes

        write_probes(report, output)
    if as_json:
        print_json(report.to_dict())
        return
    for metric, title in METRICS.items():
        notes = report.notes() if metric == list(METRICS)[-1] else []
        print_lines(f"{title}, percent ± standard error", *report.lines(metric), notes)


def _say(message: str) -> None:
    print(message, file=sys.stderr)
