"""``roformer-sim evaluate geometry``: the space that encoders make."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from roformer_sim.cli import options
from roformer_sim.cli.outputs import print_json
from roformer_sim.cli.vector_encoders import Encoders, Maxlen, load_encoders, prepare_folder, print_lines


def geometry(
    pairs: Annotated[
        Path,
        typer.Option(
            "--pairs",
            "-p",
            metavar="FILE",
            help="text_a, text_b and, if known, label: TSV or CSV with that header, JSON lines, Parquet.",
            show_default=False,
        ),
    ],
    encoders: Encoders = None,
    groups: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help='Groups {"text", "synonyms"}: some of them are laid out by t-SNE.',
            show_default=False,
        ),
    ] = None,
    group_count: Annotated[int, typer.Option(min=2, help="How many groups are drawn.")] = 20,
    group_size: Annotated[int, typer.Option(min=2, help="Fewest texts of such a group.")] = 4,
    rows: Annotated[
        int | None,
        typer.Option(min=1, help="A random sample of so many pairs.", show_default="all"),
    ] = None,
    maxlen: Maxlen = 64,
    seed: Annotated[int, typer.Option(min=0, help="Of samples, re-pairings and the layout.")] = 0,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="Also write geometry.json, .csv, .md and PNG plots here.",
            show_default=False,
        ),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Alignment and uniformity, cosines of similar and other pairs with AUC, anisotropy, a picture of groups.

    \b
    roformer-sim evaluate geometry --pairs sts/LCQMC/valid.tsv -e roformer_sim_char_mini_zh -e use -o report
    roformer-sim evaluate geometry -p mined.jsonl --groups groups.jsonl.gz --rows 5000 -o report

    Positive pairs: label 1, or from 4/5 of the largest label on; negative ones: label 0. Without labels all
    pairs are positive, and random re-pairings of them the negatives.
    """
    from roformer_sim.evaluation.vectors import (
        GeometryReport,
        measure_geometry,
        read_labelled_pairs,
        read_text_groups,
    )

    table = read_labelled_pairs(pairs, rows=rows, seed=seed)
    drawn = None
    if groups is not None:
        drawn = read_text_groups(groups, count=group_count, least=group_size, seed=seed)
    if output is not None:
        prepare_folder(output)
    found = [measure_geometry(e, table, drawn, seed=seed) for e in load_encoders(encoders, maxlen)]
    report = GeometryReport(table, found, drawn, maxlen, seed)
    if output is not None:
        from roformer_sim.evaluation.vectors.files import write_geometry

        write_geometry(report, output)
    if as_json:
        print_json(report.to_dict())
    else:
        print_lines("Geometry of the vectors", *report.lines(), report.notes())
