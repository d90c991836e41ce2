"""``corpus-builder``: text in, similar pairs out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer

from corpus_builder.errors import InputError
from corpus_builder.exclusion import Exclusion
from corpus_builder.miners import answers as answer_miner
from corpus_builder.miners import documents as document_miner
from corpus_builder.miners import groups as group_miner
from corpus_builder.miners import questions as question_miner
from corpus_builder.options import (
    AsJson,
    Containment,
    ErrorMode,
    Exclude,
    Inputs,
    MaxChars,
    MinChars,
    Output,
    Partners,
    Ratio,
    SameNegation,
    SameNumbers,
    Source,
    Substituted,
    SubstitutedShare,
    Threshold,
)
from corpus_builder.readers import (
    OnReject,
    read_documents,
    read_groups,
    read_questions,
    read_sts,
    read_texts,
)
from corpus_builder.rules import Rules
from corpus_builder.run import OnError, Progress, Run, find_inputs
from corpus_builder.segmentation import split_sentences
from corpus_builder.sentences import training_sentences

Row = TypeVar("Row")

app = typer.Typer(
    help="Mine similar sentences from raw Chinese text: questions, answers, documents.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


class GroupShape(StrEnum):
    """What the inputs of ``groups`` hold."""

    GROUPS = "groups"
    QA = "qa"
    STS = "sts"


class QuestionShape(StrEnum):
    """What the inputs of ``questions`` hold."""

    DOCUMENTS = "documents"
    QA = "qa"
    TEXTS = "texts"


@app.command()
def groups(
    inputs: Inputs,
    output: Output,
    shape: Annotated[
        GroupShape, typer.Option(help="Groups; QA (shared answers); STS (labels).")
    ] = GroupShape.GROUPS,
    min_label: Annotated[float, typer.Option(help="STS: least label of a pair that means the same.")] = 4.0,
    max_questions: Annotated[int, typer.Option(min=2, help="QA: most questions for one answer.")] = 20,
    min_similarity: Annotated[
        float, typer.Option(help="QA: least Jaccard similarity that holds a group together.")
    ] = 0.2,
    source: Source = "",
    min_chars: MinChars = 4,
    max_chars: MaxChars = 64,
    exclude: Exclude = [],  # noqa: B006
    on_error: ErrorMode = OnError.RAISE,
    as_json: AsJson = False,
) -> None:
    """Clean question groups, or make them from shared answers or labelled pairs.

    \b
    corpus-builder groups groups.jsonl -o clean.jsonl.gz
    corpus-builder groups --shape qa chat.jsonl.gz -o groups.jsonl.gz --exclude 'sts/*/valid.tsv'
    corpus-builder groups --shape sts --min-label 4 train.tsv -o groups.jsonl
    """
    settings: dict[str, Any] = {"shape": shape.value, "min_chars": min_chars, "max_chars": max_chars}
    settings |= {"min_label": min_label} if shape is GroupShape.STS else {}
    if shape is GroupShape.QA:
        settings |= {"max_questions": max_questions, "min_similarity": min_similarity}
    run = Run("groups", find_inputs(inputs), output, on_error, settings)
    rules = Rules(min_chars=min_chars, max_chars=max_chars)
    exclusion = _exclusion(exclude)
    with Progress("groups") as progress:
        if shape is GroupShape.GROUPS:
            raw = progress.track(_read_all(run, read_groups), "reading groups")
        elif shape is GroupShape.QA:
            questions = progress.track(_read_all(run, read_questions), "reading questions")
            raw = group_miner.groups_from_shared_answers(
                questions,
                max_questions=max_questions,
                min_similarity=_checked(min_similarity, "--min-similarity"),
            )
        else:
            rows = progress.track(_read_all(run, read_sts), "reading rows")
            raw = group_miner.groups_from_labels(rows, min_label, run.inputs[0].name.split(".")[0])
        cleaned = group_miner.clean_groups(raw, rules, exclusion, run.counts)
        run.write(_rows(cleaned, source))
    run.report(as_json)


@app.command()
def questions(
    inputs: Inputs,
    output: Output,
    shape: Annotated[
        QuestionShape, typer.Option(help="Documents; QA (the questions); plain texts, one a line.")
    ] = QuestionShape.DOCUMENTS,
    threshold: Threshold = 0.6,
    max_group: Annotated[int, typer.Option(min=2, help="Most members of a group.")] = 8,
    source: Source = "",
    min_chars: MinChars = 5,
    max_chars: MaxChars = 64,
    max_length_ratio: Ratio = 2.0,
    allow_containment: Containment = False,
    same_numbers: SameNumbers = True,
    same_negation: SameNegation = True,
    max_substituted: Substituted = 1,
    substituted_share: SubstitutedShare = 0.0,
    exclude: Exclude = [],  # noqa: B006
    on_error: ErrorMode = OnError.RAISE,
    as_json: AsJson = False,
) -> None:
    """Find questions asked in several places, and write them as groups.

    \b
    corpus-builder questions forum.jsonl.xz -o groups.jsonl.gz --threshold 0.65
    corpus-builder questions --shape texts titles.txt -o groups.jsonl --exclude valid.tsv
    """
    rules = Rules(
        min_chars=min_chars,
        max_chars=max_chars,
        max_length_ratio=max_length_ratio,
        allow_containment=allow_containment,
        same_numbers=same_numbers,
        same_negation=same_negation,
        max_substituted=max_substituted if max_substituted >= 0 else None,
        substituted_share=substituted_share,
    )
    settings = {"shape": shape.value, "threshold": _checked(threshold), "max_group": max_group}
    run = Run("questions", find_inputs(inputs), output, on_error, settings | _rule_settings(rules))
    exclusion = _exclusion(exclude)
    with Progress("questions") as progress:
        sentences = progress.track(_question_sentences(run, shape), "reading sentences")
        name = source or run.inputs[0].name.split(".")[0]
        mined = question_miner.mine_questions(
            sentences, threshold, rules, exclusion, run.counts, source=name, max_group=max_group
        )
        run.write(_rows(mined, source))
    run.report(as_json)


@app.command()
def answers(
    inputs: Inputs,
    output: Output,
    threshold: Threshold = 0.5,
    merge_questions: Annotated[
        bool, typer.Option(help="Put together the answers to equal questions of several rows.")
    ] = False,
    question_similarity: Annotated[
        float, typer.Option(help="With --merge-questions: least Jaccard similarity of the questions.")
    ] = 1.0,
    source: Source = "",
    min_chars: MinChars = 5,
    max_chars: MaxChars = 64,
    max_length_ratio: Ratio = 2.0,
    max_partners: Partners = 3,
    allow_containment: Containment = False,
    same_numbers: SameNumbers = False,
    same_negation: SameNegation = False,
    max_substituted: Substituted = 2,
    substituted_share: SubstitutedShare = 0.0,
    exclude: Exclude = [],  # noqa: B006
    on_error: ErrorMode = OnError.RAISE,
    as_json: AsJson = False,
) -> None:
    """Find similar sentences in different answers to one question.

    \b
    corpus-builder answers qa.jsonl.gz -o pairs.jsonl.gz --threshold 0.5
    corpus-builder answers 'qa/*.jsonl' -o pairs.jsonl --merge-questions --on-error skip
    """
    rules = Rules(
        min_chars=min_chars,
        max_chars=max_chars,
        max_length_ratio=max_length_ratio,
        allow_containment=allow_containment,
        same_numbers=same_numbers,
        same_negation=same_negation,
        max_substituted=max_substituted if max_substituted >= 0 else None,
        substituted_share=substituted_share,
        max_partners=max_partners,
    )
    settings: dict[str, Any] = {"threshold": _checked(threshold), "merge_questions": merge_questions}
    settings |= {"question_similarity": question_similarity} if merge_questions else {}
    run = Run("answers", find_inputs(inputs), output, on_error, settings | _rule_settings(rules))
    exclusion = _exclusion(exclude)
    with Progress("answers") as progress:
        rows: Iterable[Any] = progress.track(_read_all(run, read_questions), "reading questions")
        if merge_questions:
            rows = answer_miner.merge_questions(rows, _checked(question_similarity, "--question-similarity"))
        run.write(_rows(answer_miner.mine_answers(rows, threshold, rules, exclusion, run.counts), source))
    run.report(as_json)


@app.command()
def documents(
    inputs: Inputs,
    output: Output,
    threshold: Threshold = 0.6,
    max_documents: Annotated[
        int, typer.Option(min=0, help="Sentences of more documents than this are boilerplate; 0: keep all.")
    ] = 5,
    window: Annotated[
        int, typer.Option(min=1, help="Compare the sentences of so many neighbouring documents.")
    ] = 1,
    source: Source = "",
    min_chars: MinChars = 5,
    max_chars: MaxChars = 64,
    max_length_ratio: Ratio = 2.0,
    max_partners: Partners = 3,
    allow_containment: Containment = False,
    same_numbers: SameNumbers = False,
    same_negation: SameNegation = False,
    max_substituted: Substituted = 2,
    substituted_share: SubstitutedShare = 0.0,
    exclude: Exclude = [],  # noqa: B006
    on_error: ErrorMode = OnError.RAISE,
    as_json: AsJson = False,
) -> None:
    """Find similar sentences within each document.

    \b
    corpus-builder documents docs.jsonl.xz -o pairs.jsonl.gz --threshold 0.6
    corpus-builder documents 'news/*.jsonl.gz' -o pairs.jsonl --same-numbers --exclude valid.tsv
    """
    rules = Rules(
        min_chars=min_chars,
        max_chars=max_chars,
        max_length_ratio=max_length_ratio,
        allow_containment=allow_containment,
        same_numbers=same_numbers,
        same_negation=same_negation,
        max_substituted=max_substituted if max_substituted >= 0 else None,
        substituted_share=substituted_share,
        max_partners=max_partners,
    )
    settings: dict[str, Any] = {
        "threshold": _checked(threshold),
        "max_documents": max_documents,
        "window": window,
    }
    run = Run("documents", find_inputs(inputs), output, on_error, settings | _rule_settings(rules))
    exclusion = _exclusion(exclude)
    with Progress("documents") as progress:

        def again() -> Iterator[Any]:
            return progress.track(_read_all(run, read_documents), "reading documents")

        mined = document_miner.mine_documents(
            again,
            threshold,
            rules,
            exclusion,
            run.counts,
            max_documents=max_documents,
            window=window,
        )
        run.write(_rows(mined, source))
    run.report(as_json)


@app.command()
def texts(
    inputs: Inputs,
    output: Output,
    min_chars: MinChars = 1,
    max_chars: MaxChars = 256,
    exclude: Exclude = [],  # noqa: B006
    on_error: ErrorMode = OnError.RAISE,
    as_json: AsJson = False,
) -> None:
    """Collect the sentences of groups, pairs, QA rows, documents or plain text, each once, one a line.

    \b
    corpus-builder texts groups.jsonl.gz documents.jsonl.gz -o texts.txt.gz
    corpus-builder texts 'raw/*.txt' -o texts.txt --exclude 'sts/*/valid.tsv'
    """
    settings = {"min_chars": min_chars, "max_chars": max_chars}
    run = Run("texts", find_inputs(inputs), output, on_error, settings)
    rules = Rules(min_chars=min_chars, max_chars=max_chars, min_chinese=0.0)
    exclusion = _exclusion(exclude)
    with Progress("texts") as progress:
        raw = progress.track(training_sentences(run.inputs, run.on_reject), "reading sentences")
        run.write(group_miner.distinct_texts(raw, rules, exclusion, run.counts))
    run.report(as_json)


def _read_all(run: Run, read: Callable[[str | Path, OnReject | None], Iterator[Row]]) -> Iterator[Row]:
    for path in run.inputs:
        yield from read(path, run.on_reject)


def _question_sentences(run: Run, shape: QuestionShape) -> Iterator[str]:
    if shape is QuestionShape.TEXTS:
        yield from _read_all(run, read_texts)
    elif shape is QuestionShape.QA:
        for question in _read_all(run, read_questions):
            yield from split_sentences(question.question)
    else:
        for document in _read_all(run, read_documents):
            yield from split_sentences(document.text)


def _rows(mined: Iterable[Any], source: str) -> Iterator[dict[str, Any]]:
    for row in mined:
        yield row.to_json() | ({"source": source} if source else {})


def _rule_settings(rules: Rules) -> dict[str, Any]:
    return {name: getattr(rules, name) for name in rules.__dataclass_fields__}


def _exclusion(patterns: list[str]) -> Exclusion:
    return Exclusion.from_files(find_inputs(patterns)) if patterns else Exclusion()


def _checked(threshold: float, option: str = "--threshold") -> float:
    if not 0 < threshold <= 1:
        raise InputError(f"{option} {threshold}: must be above 0 and at most 1")
    return threshold


# Typer raises Click's exceptions, its own copy of them in newer versions; this finds the ones it uses.
_UsageError: Any = typer.BadParameter.__mro__[1]


def main() -> NoReturn:
    """Entry point of the ``corpus-builder`` command.

    Exit codes: 0 done, 2 wrong input (one line ``error: ...``), 130 interrupted.
    """
    sys.exit(_run(sys.argv[1:]))


def _run(arguments: list[str]) -> int:
    try:
        # Not app(): it prints usage errors over several lines.
        group = typer.main.get_command(app)
        with group.make_context("corpus-builder", arguments or ["--help"]) as context:
            group.invoke(context)
        sys.stdout.flush()
    except typer.Exit as end:
        return end.exit_code
    except InputError as error:
        return _complain(str(error), 2)
    except _UsageError as error:
        path = error.ctx.command_path if error.ctx else "corpus-builder"
        return _complain(f"{error.format_message()} (see {path} --help)", 2)
    except (KeyboardInterrupt, typer.Abort):
        return _complain("interrupted; the output was not written", 130)
    return 0


def _complain(message: str, code: int) -> int:
    print("error: " + " ".join(message.split()), file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
