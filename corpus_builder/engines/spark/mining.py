"""The miners for documents and answers: DataFrame in, DataFrame out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from corpus_builder.engines.spark import workers
from corpus_builder.engines.spark.partners import admitted, first_of_equal
from corpus_builder.engines.spark.reading import consecutive
from corpus_builder.engines.spark.sessions import input_errors, step, stored
from corpus_builder.errors import InputError
from corpus_builder.exclusion import Exclusion
from corpus_builder.miners.run import Mining
from corpus_builder.miners.sentences import NO_KEYS, Counts

RESULT = ("text_a", "text_b", "score", "source", "origin")


@dataclass(frozen=True, slots=True)
class Tuning:
    """How the work is spread; the result does not depend on it.

    Attributes:
        folder: A folder that all executors share (HDFS, S3, NFS), for this run alone, where pairs and rounds
            are kept as Parquet and so outlive an executor. Empty: on the executors' own disks.
        partitions: Spread the texts anew over so many partitions, by hash of ``position``, which parts large
            ones from one another; costs a shuffle of the texts. 0: as the DataFrame comes.
        most_on_driver: See :func:`corpus_builder.engines.spark.partners.admitted`.
    """

    folder: str = ""
    partitions: int = 0
    most_on_driver: int = 1 << 20


def mine_documents(
    documents: DataFrame,
    mining: Mining,
    *,
    exclusion: Exclusion | None = None,
    window: int = 1,
    counts: Counts | None = None,
    tuning: Tuning | None = None,
) -> DataFrame:
    """Similar sentences of one document, or of ``window`` neighbouring ones; the pairs of the local engine.

    The result depends on the order of the documents, since a pair is kept where it is first seen and a
    sentence has at most ``max_partners`` pairs. A DataFrame has no order, so it is given by ``position``, a
    different whole number in every row. Without that column it is the order of Spark's ``xxhash64(doc_id,
    source, text)``: the same in every run, however the rows are spread.

    The pairs are found before this function returns; only their texts are joined when the result is used.

    Args:
        documents: Columns ``doc_id, text`` and perhaps ``source``, ``position``.
        mining: Threshold, variant, guards, boilerplate.
        exclusion: Benchmark texts to leave out; its hashes go to every worker.
        window: Compare the sentences of so many neighbouring documents; needs the positions of
            :func:`corpus_builder.engines.spark.read_documents`.
        counts: Filled with the counts of each step, as the local engine's.
        tuning: How the work is spread.

    Returns:
        ``text_a, text_b, score, source, origin``, in no order.

    Raises:
        InputError: A column is missing, a text is null, or a row of a file cannot be used.
    """
    groups = document_groups(documents, window)
    return _mine(groups, mining, False, exclusion, counts, tuning).select(*RESULT)


def mine_answers(
    questions: DataFrame,
    mining: Mining,
    *,
    exclusion: Exclusion | None = None,
    question_similarity: float | None = None,
    counts: Counts | None = None,
    tuning: Tuning | None = None,
) -> DataFrame:
    """Similar sentences of different answers to one question; the pairs of the local engine.

    Args:
        questions: Columns ``question, answers: array<string>`` and perhaps ``source``, ``position``; without
            it the order is that of ``xxhash64(question, source, answers)``.
        mining: As for documents, with ``across_texts``.
        question_similarity: 1.0 puts together the answers to questions of several rows whose first lines are
            equal after normalisation; None takes every row by itself.
        exclusion, counts, tuning: As for :func:`mine_documents`.

    Raises:
        InputError: As for documents; also for a similarity below 1, which would compare all questions.
    """
    groups = answer_groups(questions, question_similarity)
    return _mine(groups, mining, True, exclusion, counts, tuning).select(*RESULT)


def document_groups(documents: DataFrame, window: int = 1) -> DataFrame:
    """Documents as :data:`corpus_builder.engines.spark.workers.GROUPS`."""
    if window < 1:
        raise InputError(f"window: must be at least 1, is {window}")
    rows = _columns(documents, {"doc_id": "string", "text": "string"}, window > 1)
    if window == 1:
        return rows.select(
            "position", F.array("text").alias("texts"), "source", F.col("doc_id").alias("origin")
        )
    with input_errors():
        numbered = consecutive(rows)
    together = (
        numbered.groupBy(F.expr(f"index div {window}").alias("position"))
        .agg(F.sort_array(F.collect_list(F.struct("index", "text", "source", "doc_id"))).alias("rows"))
        .select("position", "rows.text", F.col("rows")[0].alias("first"))
    )
    first = (F.col("first.source").alias("source"), F.col("first.doc_id").alias("origin"))
    return together.select("position", F.col("text").alias("texts"), *first)


def answer_groups(questions: DataFrame, question_similarity: float | None = None) -> DataFrame:
    """Questions as :data:`corpus_builder.engines.spark.workers.GROUPS`, put together where asked."""
    if question_similarity is not None and question_similarity < 1:
        raise InputError(
            "the Spark engine puts equal questions together, not similar ones: question similarity must be 1 "
            f"(is {question_similarity:g}), or use the local engine"
        )
    rows = _columns(questions, {"question": "string", "answers": "array<string>"}, False)
    groups = rows.select(
        "position", F.col("answers").alias("texts"), "source", F.col("question").alias("origin")
    )
    if question_similarity is None:
        return groups
    titled = groups.mapInArrow(workers.question_titles, f"{workers.GROUPS}, title string")
    same = F.sort_array(F.collect_list(F.struct("position", "origin", "texts", "source")))
    together = titled.groupBy("title").agg(F.min("position").alias("position"), same.alias("rows"))
    return together.drop("title").mapInArrow(workers.telling(workers.merged_questions), workers.GROUPS)


def ordered_pairs(
    groups: DataFrame,
    mining: Mining,
    answers: bool,
    exclusion: Exclusion | None,
    counts: Counts,
    tuning: Tuning,
) -> DataFrame:
    """The result of the miners in the order of the local engine."""
    return (
        _mine(groups, mining, answers, exclusion, counts, tuning).orderBy("position", "rank").select(*RESULT)
    )


def _columns(frame: DataFrame, needed: dict[str, str], positioned: bool) -> DataFrame:
    """The needed columns, ``source`` and ``position``, each with its type."""
    missing = [name for name in [*needed, *(["position"] if positioned else [])] if name not in frame.columns]
    if missing:
        reason = "; window > 1 needs it" if missing == ["position"] else ""
        raise InputError(
            f"the DataFrame lacks the column {', '.join(missing)}{reason}; it has {', '.join(frame.columns)}"
        )
    columns: dict[str, Column] = {name: F.col(name).cast(kind) for name, kind in needed.items()}
    source = F.col("source").cast("string") if "source" in frame.columns else F.lit(None).cast("string")
    columns["source"] = F.coalesce(source, F.lit(""))
    first, second = columns[next(iter(needed))], columns[list(needed)[1]]
    has_order = "position" in frame.columns
    columns["position"] = (
        F.col("position").cast("bigint") if has_order else F.xxhash64(first, columns["source"], second)
    )
    return frame.select(*(column.alias(name) for name, column in columns.items()))


def _mine(
    groups: DataFrame,
    mining: Mining,
    answers: bool,
    exclusion: Exclusion | None,
    counts: Counts | None,
    tuning: Tuning | None,
) -> DataFrame:
    tuning = tuning or Tuning()
    counts = Counter() if counts is None else counts
    if tuning.partitions:
        groups = groups.repartition(tuning.partitions, F.col("position"))
    spark = groups.sparkSession
    with input_errors():
        with step(spark, "similar pairs"):
            hashes = exclusion.hashes() if exclusion else NO_KEYS
            work = workers.similar_pairs(mining, answers, spark.sparkContext.broadcast(hashes))
            found = stored(groups.mapInArrow(work, workers.PAIRS), tuning.folder, "pairs")
        pairs = found.where("position is not null")
        numbers = pairs.select("key", "position", "rank", "a", "b")
        if mining.max_documents:
            with step(spark, "boilerplate"):
                boilerplate = stored(_boilerplate(found, mining.max_documents), tuning.folder, "boilerplate")
                counts["boilerplate sentences"] = boilerplate.count()
            for end in ("a", "b"):
                numbers = numbers.join(boilerplate.withColumnRenamed("hash", end), end, "left_anti")
        with step(spark, "counts"):
            _add_counts(counts, found)
        with step(spark, "equal pairs"):
            edges = stored(first_of_equal(numbers), tuning.folder, "edges")
        with step(spark, "partners"):
            most = mining.rules.max_partners
            kept = edges.select("key", "position", "rank", "times")
            if most:
                kept = admitted(edges, most, most_on_driver=tuning.most_on_driver, folder=tuning.folder)
            if counts["groups"]:
                _count_verdicts(counts, pairs, edges, kept)
    # One row for each, even where positions that should differ do not.
    row = F.min(F.struct(*RESULT)).alias("row")
    joined = pairs.join(kept.select("key", "position", "rank"), ["key", "position", "rank"])
    return joined.groupBy("key", "position", "rank").agg(row).select("position", "rank", "row.*")


def _boilerplate(found: DataFrame, max_documents: int) -> DataFrame:
    """The sentences of more texts than that, as ``hash``."""
    hashes = found.where("hashes is not null").select("hashes")
    times = hashes.mapInArrow(workers.single_hashes, "hash bigint").groupBy("hash").count()
    return times.where(F.col("count") > max_documents).select("hash")


def _add_counts(counts: Counts, found: DataFrame) -> None:
    rows = found.where("name is not null").groupBy("name")
    sums = rows.agg(F.min("place").alias("place"), F.sum("number").alias("number")).collect()
    for row in sorted(sums, key=lambda row: (row["place"], row["name"])):
        counts[row["name"]] += row["number"]


def _count_verdicts(counts: Counts, pairs: DataFrame, edges: DataFrame, kept: DataFrame) -> None:
    total = edges.agg(F.sum("times")).first()
    let_through = kept.agg(F.count(F.lit(1)), F.sum("times")).first()
    assert total is not None and let_through is not None
    asked, number, times = total[0] or 0, let_through[0], let_through[1] or 0
    if counts["boilerplate sentences"]:
        counts["pairs dropped: boilerplate"] += pairs.count() - asked
    counts["pairs dropped: seen before"] += times - number
    counts["pairs dropped: enough partners"] += asked - times
    counts["pairs"] += number
