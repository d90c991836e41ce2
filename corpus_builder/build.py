"""The commands as Python functions: each reads the run's inputs and writes its output.

Example:
    >>> run = Run("mine-documents", ["docs/*.jsonl.xz"], Path("pairs.jsonl.zst"), {"threshold": 0.6})
    >>> mine_documents(run, Mining(threshold=0.6, variant="set", rules=Rules(), max_documents=5))
    >>> run.counts["pairs"]
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from corpus_builder.exclusion import Exclusion
from corpus_builder.jobs.workers import cores
from corpus_builder.miners import groups as group_miner
from corpus_builder.miners import questions as question_miner
from corpus_builder.miners.answers import answer_groups, merge_questions
from corpus_builder.miners.documents import document_groups
from corpus_builder.miners.run import Mining, mine
from corpus_builder.miners.sentences import TextGroup
from corpus_builder.readers import source_of
from corpus_builder.rules import Rules
from corpus_builder.run import Progress, Run
from corpus_builder.segmentation import split_sentences
from corpus_builder.sentences import training_sentences


def mine_documents(
    run: Run,
    mining: Mining,
    *,
    exclusion: Exclusion | None = None,
    window: int = 1,
    source: str = "",
    processes: int = 0,
) -> None:
    """Similar sentences of one document, or of ``window`` neighbouring documents.

    Killed at any point and called again, it goes on; the output equals that of a run never stopped.

    Args:
        run: Inputs in the shape ``documents``, output, settings.
        mining: Threshold, variant, guards, boilerplate.
        exclusion: Benchmark texts to leave out.
        window: See :func:`corpus_builder.miners.documents.document_groups`.
        source: Written into each pair instead of the row's own.
        processes: Worker processes; 0 for one a core.
    """
    _mine(
        run,
        mining,
        document_groups(run.rows("documents"), window),
        exclusion or Exclusion(),
        {"window": window},
        source,
        processes,
    )


def mine_answers(
    run: Run,
    mining: Mining,
    *,
    exclusion: Exclusion | None = None,
    question_similarity: float | None = None,
    source: str = "",
    processes: int = 0,
) -> None:
    """Similar sentences of different answers to one question.

    Args:
        run: Inputs in the shape ``qa``, output, settings.
        mining: As for documents, with ``across_texts``.
        question_similarity: Put together the answers to questions of several rows that are this similar (1.0:
            equal); ``None`` takes every row by itself. Holds all rows in memory.
        exclusion, source, processes: As for :func:`mine_documents`.
    """

    rows = run.rows("qa")
    if question_similarity is not None:
        rows = merge_questions(rows, question_similarity)
    groups = answer_groups(rows, run.counts)
    identity = {"question_similarity": question_similarity}
    _mine(run, mining, groups, exclusion or Exclusion(), identity, source, processes)


def _mine(
    run: Run,
    mining: Mining,
    groups: Iterable[TextGroup],
    exclusion: Exclusion,
    identity: dict[str, Any],
    source: str,
    processes: int,
) -> None:
    if source:
        groups = (group._replace(source=source) for group in groups)
    identity = {**run.identity(), **identity, "source": source}
    folder = Path(tempfile.mkdtemp()) if run.dry_run else run.work_folder
    try:
        with Progress(run.command) as progress, progress.reading(run.paths):
            run.write(
                mine(
                    groups,
                    mining,
                    folder,
                    identity,
                    exclusion,
                    run.counts,
                    processes=1 if run.dry_run else processes or cores(),
                )
            )
    finally:
        # Nothing finished, nothing to go on from.
        if run.dry_run or not any(folder.glob("[0-9]*.npz")):
            shutil.rmtree(folder, ignore_errors=True)


def mine_questions(
    run: Run,
    shape: str,
    threshold: float,
    rules: Rules,
    *,
    exclusion: Exclusion | None = None,
    max_group: int = 8,
    source: str = "",
) -> None:
    """Groups of near-identical questions found all over a source; holds its questions in memory.

    Args:
        run: Inputs in the shape ``documents``, ``qa`` or ``texts``, as ``shape`` says.
        threshold, rules, max_group: See :func:`corpus_builder.miners.questions.mine_questions`.
        exclusion, source: As for :func:`mine_documents`.
    """
    name = source or source_of(run.paths[0])
    with Progress(run.command) as progress, progress.reading(run.paths):
        mined = question_miner.mine_questions(
            _question_sentences(run, shape),
            threshold,
            rules,
            exclusion or Exclusion(),
            run.counts,
            source=name,
            max_group=max_group,
        )
        run.write(_json_rows(mined, source))


def clean_groups(
    run: Run,
    shape: str,
    rules: Rules,
    *,
    exclusion: Exclusion | None = None,
    min_label: float = 4.0,
    max_questions: int = 20,
    min_similarity: float = 0.2,
    source: str = "",
) -> None:
    """Clean groups, or groups made of shared answers (``qa``) or labelled pairs (``sts``).

    Args:
        run: Inputs in the shape ``groups``, ``qa`` or ``sts``, as ``shape`` says.
        rules: Lengths and share of Chinese.
        min_label: Of :func:`corpus_builder.miners.groups.groups_from_labels`.
        max_questions, min_similarity: Of :func:`corpus_builder.miners.groups.groups_from_shared_answers`.
        exclusion, source: As for :func:`mine_documents`.
    """
    with Progress(run.command) as progress, progress.reading(run.paths):
        rows = run.rows(shape)
        if shape == "qa":
            rows = group_miner.groups_from_shared_answers(
                rows, max_questions=max_questions, min_similarity=min_similarity
            )
        elif shape == "sts":
            rows = group_miner.groups_from_labels(rows, min_label, source_of(run.paths[0]))
        cleaned = group_miner.clean_groups(rows, rules, exclusion or Exclusion(), run.counts)
        run.write(_json_rows(cleaned, source))


def collect_texts(run: Run, rules: Rules, *, exclusion: Exclusion | None = None) -> None:
    """Every sentence of training files of any shape, once, one a line."""
    with Progress(run.command) as progress, progress.reading(run.paths):
        raw = run.first(training_sentences(run.paths, run.on_reject))
        run.write(group_miner.distinct_texts(raw, rules, exclusion or Exclusion(), run.counts))


def _question_sentences(run: Run, shape: str) -> Iterator[str]:
    for row in run.rows(shape):
        if shape == "texts":
            yield row
        else:
            yield from split_sentences(row.question if shape == "qa" else row.text)


def _json_rows(mined: Iterable[Any], source: str) -> Iterator[dict[str, Any]]:
    for row in mined:
        yield row.to_json() | ({"source": source} if source else {})
