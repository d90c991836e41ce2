"""``report`` and ``study``: what a run found, and which threshold to choose."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from corpus_builder.cli.application import app


@app.command("report")
def report(
    run: Annotated[
        Path, typer.Argument(help="Output of a run: a file of pairs or groups, or a folder of shards.")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Page to write; default: beside the run, .html.")
    ] = None,
    samples: Annotated[int, typer.Option(min=0, help="Pairs shown of each band of similarity.")] = 20,
    seed: Annotated[int, typer.Option(help="Of the choice of samples.")] = 0,
) -> None:
    """Write one HTML page about a run: funnel, distributions, samples, rejects. It needs no network.

    \b
    corpus-builder report pairs.jsonl.gz
    corpus-builder report corpus/ -o report.html --samples 50
    """
    from corpus_builder.report.page import write_report

    page = output or run.with_name(f"{run.name.split('.')[0]}.html")
    statistics = write_report(run, page, samples=samples, seed=seed)
    print(f"{statistics.pairs:>12,}  pairs; written to {page}")


@app.command("study")
def study(
    data: Annotated[Path, typer.Argument(help="Folder that the paths of the plan are relative to.")],
    output: Annotated[Path, typer.Argument(help="Folder for tables, plots and what is kept for resuming.")],
    plan: Annotated[
        Path | None, typer.Option(help="Sources, variants, thresholds, teachers (TOML); default: ours.")
    ] = None,
) -> None:
    """Count and judge the pairs of many thresholds, plot the curves, suggest thresholds.

    Teachers are independent sentence encoders (extra: study). A killed study goes on when called again.

    \b
    corpus-builder study DATA thresholds
    corpus-builder study DATA thresholds --plan my.toml
    """
    from corpus_builder.study.study import DEFAULT_PLAN, run_study

    result = run_study(data, output, plan or DEFAULT_PLAN, on_step=lambda line: print(line, file=sys.stderr))
    print(f"{'source':<24}{'variant':<10}{'teacher':<12}{'threshold':>9}{'pairs':>10}{'good':>6}")
    for line in result.suggestions:
        threshold = "none" if line.threshold is None else f"{line.threshold:.2f}"
        names = f"{line.source:<24}{line.variant:<10}{line.teacher:<12}"
        print(f"{names}{threshold:>9}{line.pairs:>10,}{line.good:>6.2f}")
