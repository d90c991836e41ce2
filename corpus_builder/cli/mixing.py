"""``mix``."""

from __future__ import annotations

from typing import Annotated

import typer

from corpus_builder.cli import options
from corpus_builder.cli.application import app
from corpus_builder.cli.option_groups import expanded
from corpus_builder.mixing.plan import Mixing, Shortage
from corpus_builder.run import ROWS_PER_SHARD


@app.command("mix")
@expanded
def mix(
    questions: Annotated[
        list[str],
        typer.Option(help="File, folder or glob with groups (or pairs) of questions; may be repeated."),
    ],
    general: Annotated[
        list[str],
        typer.Option(help="File, folder or glob with pairs (or groups) of any sentences; may be repeated."),
    ],
    output: options.Output,
    reading: options.Reading,
    ratio: Annotated[float, typer.Option(help="General rows for one question row, above 0.")] = 1.0,
    shortage: Annotated[
        Shortage,
        typer.Option(
            help="Drop a sample of what there is too much of, or repeat what there is too little of."
        ),
    ] = Shortage.DROP,
    seed: Annotated[int, typer.Option(help="Of the sample and the order; any whole number.")] = 0,
    rows_per_shard: Annotated[
        int, typer.Option(min=1, help="Most rows of a file, if the output is a folder.")
    ] = ROWS_PER_SHARD,
    memory: Annotated[
        int, typer.Option(min=16, metavar="MB", help="Memory for rows, besides about 100 MB.")
    ] = 256,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read and count everything, write nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one line of JSON.")] = False,
) -> None:
    """Mix questions and general sentences in a given proportion, and shuffle all rows as a whole.

    Groups and pairs are told apart by their fields. Every row leaves as a group with its kind, question or
    general. A killed run goes on when called again; the same seed and inputs give the same bytes.

    \b
    corpus-builder mix --questions groups.jsonl.gz --general answers.jsonl.gz -o corpus --seed 7
    corpus-builder mix --questions groups/ --general 'news/*.jsonl.zst' --general answers.parquet -o corpus \\
        --ratio 3 --shortage repeat --exclude 'sts/*/valid.tsv'
    corpus-builder mix --questions groups.jsonl --general pairs.jsonl -o corpus.jsonl.gz --dry-run
    """
    from corpus_builder.mixing import mix as build

    run = build(
        questions,
        general,
        output,
        Mixing(ratio, shortage, seed),
        exclude=reading.exclude,
        rows_per_shard=rows_per_shard,
        memory_mb=memory,
        on_error=reading.on_error,
        encoding=reading.encoding.value,
        fields=reading.fields,
        dry_run=dry_run,
    )
    run.report(as_json)
