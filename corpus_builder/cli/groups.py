"""``clean-groups`` and ``texts``."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

import typer

from corpus_builder.cli import options
from corpus_builder.cli.application import app, checked_share, exclusion_of, finish, new_run
from corpus_builder.cli.option_groups import expanded
from corpus_builder.rules import Rules


class GroupShape(StrEnum):
    """What the inputs of ``clean-groups`` hold."""

    GROUPS = "groups"
    QA = "qa"
    STS = "sts"


@app.command("clean-groups")
@expanded
def clean_groups(
    inputs: options.Inputs,
    output: options.Output,
    lengths: options.GroupLengths,
    reading: options.Reading,
    working: options.Working,
    shape: Annotated[
        GroupShape, typer.Option(help="Groups; QA (shared answers); STS (labels).")
    ] = GroupShape.GROUPS,
    min_label: Annotated[float, typer.Option(help="STS: least label of a pair that means the same.")] = 4.0,
    max_questions: Annotated[int, typer.Option(min=2, help="QA: most questions for one answer.")] = 20,
    min_similarity: Annotated[
        float, typer.Option(help="QA: least Jaccard similarity that holds a group together.")
    ] = 0.2,
    source: options.Source = "",
) -> None:
    """Clean question groups, or make them from shared answers or labelled pairs.

    \b
    corpus-builder clean-groups groups.jsonl -o clean.jsonl.gz
    corpus-builder clean-groups --shape qa chat.jsonl.gz -o groups.jsonl.gz --exclude 'sts/*/valid.tsv'
    corpus-builder clean-groups --shape sts --min-label 4 train.tsv -o groups.jsonl
    """
    from corpus_builder.build import clean_groups as build

    settings: dict[str, Any] = {
        "shape": shape.value,
        **asdict(lengths),
    }
    settings |= {"min_label": min_label} if shape is GroupShape.STS else {}
    if shape is GroupShape.QA:
        checked_share(min_similarity, "--min-similarity")
        settings |= {"max_questions": max_questions, "min_similarity": min_similarity}
    run = new_run("clean-groups", inputs, output, reading, working, settings)
    rules = Rules(**asdict(lengths))
    build(
        run,
        shape.value,
        rules,
        exclusion=exclusion_of(reading, simplified=rules.simplified),
        min_label=min_label,
        max_questions=max_questions,
        min_similarity=min_similarity,
        source=source,
    )
    finish(run, working)


@app.command("texts")
@expanded
def texts(
    inputs: options.Inputs,
    output: options.Output,
    reading: options.Reading,
    working: options.Working,
    min_chars: Annotated[int, typer.Option(min=1, help="Shorter sentences are left out.")] = 1,
    max_chars: Annotated[int, typer.Option(min=1, help="Longer sentences are left out.")] = 256,
) -> None:
    """Collect the sentences of groups, pairs, QA rows, documents or plain text, each once, one a line.

    \b
    corpus-builder texts groups.jsonl.gz documents.jsonl.gz -o texts.txt.gz
    corpus-builder texts 'raw/*.txt' -o texts.txt --exclude 'sts/*/valid.tsv'
    """
    from corpus_builder.build import collect_texts

    settings = {"min_chars": min_chars, "max_chars": max_chars}
    run = new_run("texts", inputs, output, reading, working, settings)
    rules = Rules(min_chars=min_chars, max_chars=max_chars, min_chinese=0.0)
    collect_texts(run, rules, exclusion=exclusion_of(reading))
    finish(run, working)
