"""``mine-documents``, ``mine-answers``, ``mine-questions``."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

import typer

from corpus_builder.cli import options
from corpus_builder.cli.application import app, checked_share, exclusion_of, finish, new_run
from corpus_builder.cli.option_groups import expanded
from corpus_builder.rules import Rules


@app.command("mine-documents")
@expanded
def mine_documents(
    inputs: options.Inputs,
    output: options.Output,
    guards: options.MinerGuards,
    reading: options.Reading,
    working: options.Working,
    where: options.Engine,
    threshold: options.Threshold = 0.7,
    variant: options.Variant = options.VariantName.SET,
    max_documents: Annotated[
        int, typer.Option(min=0, help="Sentences of more documents than this are boilerplate; 0: keep all.")
    ] = 5,
    window: Annotated[
        int, typer.Option(min=1, help="Compare the sentences of so many neighbouring documents.")
    ] = 1,
    source: options.Source = "",
) -> None:
    """Find similar sentences within each document. A killed run goes on when called again.

    \b
    corpus-builder mine-documents docs.jsonl.xz -o pairs.jsonl.gz --threshold 0.65
    corpus-builder mine-documents news/ -o pairs --exclude 'sts/*/valid.tsv'
    corpus-builder mine-documents posts.csv -o pairs.jsonl --field text=content --encoding auto
    corpus-builder mine-documents docs/ -o pairs --engine spark --master 'local[4]'
    """
    from corpus_builder.build import mine_documents as build
    from corpus_builder.miners.run import Mining

    rules = rules_of(guards)
    mining = Mining(checked_share(threshold), variant.value, rules, max_documents=max_documents)
    settings: dict[str, Any] = {
        "threshold": threshold,
        "variant": variant.value,
        "max_documents": max_documents,
        "window": window,
        **asdict(rules),
    }
    run = new_run("mine-documents", inputs, output, reading, working, settings)
    exclusion = exclusion_of(reading, simplified=rules.simplified)
    if where.engine is options.EngineName.SPARK:
        from corpus_builder.engines.spark import run_on_spark

        run_on_spark(run, mining, exclusion=exclusion, window=window, source=source, master=where.master)
    else:
        build(
            run,
            mining,
            exclusion=exclusion,
            window=window,
            source=source,
            processes=working.processes,
        )
    finish(run, working)


@app.command("mine-answers")
@expanded
def mine_answers(
    inputs: options.Inputs,
    output: options.Output,
    guards: options.MinerGuards,
    reading: options.Reading,
    working: options.Working,
    where: options.Engine,
    threshold: options.Threshold = 0.5,
    variant: options.Variant = options.VariantName.SET,
    merge_questions: Annotated[
        bool, typer.Option(help="Put together the answers to equal questions of several rows.")
    ] = False,
    question_similarity: Annotated[
        float, typer.Option(help="With --merge-questions: least Jaccard similarity of the questions.")
    ] = 1.0,
    source: options.Source = "",
) -> None:
    """Find similar sentences in different answers to one question, never in one answer.

    \b
    corpus-builder mine-answers qa.jsonl.gz -o pairs.jsonl.gz --threshold 0.5
    corpus-builder mine-answers 'qa/*.parquet' -o pairs --merge-questions --on-error skip
    """
    from corpus_builder.build import mine_answers as build
    from corpus_builder.miners.run import Mining

    rules = rules_of(guards)
    mining = Mining(checked_share(threshold), variant.value, rules, across_texts=True)
    similarity = checked_share(question_similarity, "--question-similarity") if merge_questions else None
    settings: dict[str, Any] = {
        "threshold": threshold,
        "variant": variant.value,
        "question_similarity": similarity,
        **asdict(rules),
    }
    run = new_run("mine-answers", inputs, output, reading, working, settings)
    exclusion = exclusion_of(reading, simplified=rules.simplified)
    if where.engine is options.EngineName.SPARK:
        from corpus_builder.engines.spark import run_on_spark

        run_on_spark(
            run,
            mining,
            shape="qa",
            exclusion=exclusion,
            question_similarity=similarity,
            source=source,
            master=where.master,
        )
    else:
        build(
            run,
            mining,
            exclusion=exclusion,
            question_similarity=similarity,
            source=source,
            processes=working.processes,
        )
    finish(run, working)


class QuestionShape(StrEnum):
    """What the inputs of ``mine-questions`` hold."""

    DOCUMENTS = "documents"
    QA = "qa"
    TEXTS = "texts"


@app.command("mine-questions")
@expanded
def mine_questions(
    inputs: options.Inputs,
    output: options.Output,
    guards: options.PairGuards,
    reading: options.Reading,
    working: options.Working,
    shape: Annotated[
        QuestionShape, typer.Option(help="Documents; QA (the questions); plain texts, one a line.")
    ] = QuestionShape.DOCUMENTS,
    threshold: options.Threshold = 0.6,
    variant: options.Variant = options.VariantName.SET,
    max_group: Annotated[int, typer.Option(min=2, help="Most members of a group.")] = 8,
    source: options.Source = "",
) -> None:
    """Find questions asked in several places of a source, and write them as groups.

    \b
    corpus-builder mine-questions forum.jsonl.xz -o groups.jsonl.gz --threshold 0.65
    corpus-builder mine-questions --shape texts titles.txt -o groups.jsonl --exclude valid.tsv
    """
    from corpus_builder.build import mine_questions as build

    rules = rules_of(guards)
    settings = {
        "shape": shape.value,
        "threshold": checked_share(threshold),
        "variant": variant.value,
        "max_group": max_group,
        **asdict(rules),
    }
    run = new_run("mine-questions", inputs, output, reading, working, settings)
    build(
        run,
        shape.value,
        threshold,
        rules,
        variant=variant.value,
        exclusion=exclusion_of(reading, simplified=rules.simplified),
        max_group=max_group,
        source=source,
    )
    finish(run, working)


def rules_of(guards: options.PairGuards) -> Rules:
    """The guards as the miners take them; -1 substituted characters means any number."""
    values = asdict(guards)
    values["max_substituted"] = None if guards.max_substituted < 0 else guards.max_substituted
    return Rules(**values)
