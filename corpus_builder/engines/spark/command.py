"""``mine-documents`` and ``mine-answers`` with Spark in place of the local engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from corpus_builder import build
from corpus_builder.engines.spark.mining import (
    RESULT,
    Tuning,
    answer_groups,
    document_groups,
    ordered_pairs,
)
from corpus_builder.engines.spark.reading import read_documents, read_questions, rejected_rows
from corpus_builder.engines.spark.sessions import input_errors, session, step
from corpus_builder.errors import InputError
from corpus_builder.exclusion import Exclusion
from corpus_builder.miners.run import Mining
from corpus_builder.run import OnError, Run


def run_on_spark(
    run: Run,
    mining: Mining,
    *,
    shape: str = "documents",
    exclusion: Exclusion | None = None,
    window: int = 1,
    question_similarity: float | None = None,
    source: str = "",
    master: str = "",
    tuning: Tuning | None = None,
) -> None:
    """What :func:`corpus_builder.build.mine_documents` and ``mine_answers`` do, with the same output.

    Output, rejects, manifest and counts are written by the driver, in the order of the local engine. A run
    that is killed starts from the beginning. A dry run is the local engine's.

    Args:
        run: Inputs, output and settings.
        mining: As for the local engine.
        shape: ``"documents"`` or ``"qa"``.
        exclusion, window, question_similarity, source: As for the local engine.
        master: See :func:`corpus_builder.engines.spark.session`. A session that runs already is used instead,
            and left running.
        tuning: As for :func:`corpus_builder.engines.spark.mine_documents`; where it names no ``partitions``,
            the texts are spread if large files would leave cores idle.

    Raises:
        InputError: As the local engine; also where Spark does not start.
    """
    if shape not in ("documents", "qa"):
        raise InputError(f'shape "{shape}": the Spark engine mines documents and qa')
    if run.dry_run:  # a thousand rows
        if shape == "documents":
            build.mine_documents(run, mining, exclusion=exclusion, window=window, source=source)
        else:
            build.mine_answers(
                run, mining, exclusion=exclusion, question_similarity=question_similarity, source=source
            )
        return
    running = SparkSession.getActiveSession()
    # The command line says what is wrong in one line; Spark's log would say it in a hundred.
    quiet = {"spark__log__level": "FATAL", "spark__ui__showConsoleProgress": "false"}
    spark = running or session(master, **quiet)
    try:
        pairs = _pairs(spark, run, mining, shape, exclusion, window, question_similarity, source, tuning)
        with input_errors(), step(spark, "texts of the pairs"):
            run.write(_rows(pairs))
    finally:
        if running is None:
            spark.stop()


def _pairs(
    spark: SparkSession,
    run: Run,
    mining: Mining,
    shape: str,
    exclusion: Exclusion | None,
    window: int,
    question_similarity: float | None,
    source: str,
    tuning: Tuning | None,
) -> DataFrame:
    reading: dict[str, Any] = {"fields": run.fields, "encoding": run.encoding}
    if run.on_error is OnError.SKIP:
        with input_errors():
            rejected = rejected_rows(spark, run.paths, shape, **reading).orderBy("position").collect()
        run.rejects.update(dict.fromkeys((row["file"], row["line"], row["reason"]) for row in rejected))
    reader = read_documents if shape == "documents" else read_questions
    rows = reader(spark, run.paths, on_error=run.on_error.value, **reading)
    if shape == "documents":
        groups = document_groups(rows, window)
    else:
        groups = answer_groups(rows, question_similarity)
    if source:
        groups = groups.withColumn("source", F.lit(source))
    tuning = tuning or Tuning()
    tuning = replace(tuning, partitions=tuning.partitions or _partitions(spark, run.paths))
    return ordered_pairs(groups, mining, shape == "qa", exclusion, run.counts, tuning)


def _partitions(spark: SparkSession, paths: list[Path]) -> int:
    """A few for each core where a file a task would leave cores idle; 0 where there are files enough."""
    wanted = 4 * spark.sparkContext.defaultParallelism
    sizes = [path.stat().st_size for path in paths]
    return wanted if max(sizes) * wanted > 2 * sum(sizes) else 0


def _rows(pairs: DataFrame) -> Iterator[dict[str, Any]]:
    for row in pairs.toLocalIterator(prefetchPartitions=True):
        yield dict(zip(RESULT, row, strict=True))
