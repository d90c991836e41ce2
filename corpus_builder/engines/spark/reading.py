"""Files of every format as DataFrames, read by our own readers, a file a task."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from corpus_builder.engines.spark.sessions import arrow_schema, telling
from corpus_builder.errors import InputError
from corpus_builder.readers import RowError, find_inputs, read_rows
from corpus_builder.readers.lines import Encoding

ROW_BITS = 40
"""``position`` is ``file << ROW_BITS | row``: files in order, rows that could be used numbered from 0."""

_ROWS_AT_ONCE = 256
_COLUMNS = {
    "documents": "doc_id string, text string, source string, position bigint",
    "qa": "question string, answers array<string>, source string, position bigint",
    "rejected": "file string, line bigint, reason string, position bigint",
}
_Row = dict[str, Any]


def read_documents(
    spark: SparkSession,
    paths: Iterable[str | Path],
    *,
    on_error: str = "raise",
    fields: Mapping[str, str] | None = None,
    encoding: Encoding = "utf-8",
) -> DataFrame:
    """Documents ``doc_id, text, source, position`` of files, folders and globs.

    Formats, fields and errors are those of :func:`corpus_builder.readers.read_rows`. Every executor must see
    the files under the same paths; for HDFS and object stores use ``spark.read`` and name the columns alike.
    The rows of a file come out of one task, whatever its size: ``Tuning.partitions`` spreads them.

    Args:
        on_error: ``"raise"``: a row that cannot be used fails the job, as an ``InputError`` where a miner of
            this package runs it; ``"skip"``: it is left out, see :func:`rejected_rows`.
        fields, encoding: As for the readers.

    Raises:
        InputError: A file is missing.
    """
    return _read(spark, paths, "documents", on_error == "skip", fields, encoding, rejected=False)


def read_questions(
    spark: SparkSession,
    paths: Iterable[str | Path],
    *,
    on_error: str = "raise",
    fields: Mapping[str, str] | None = None,
    encoding: Encoding = "utf-8",
) -> DataFrame:
    """Questions ``question, answers, source, position``; the rest as for :func:`read_documents`."""
    return _read(spark, paths, "qa", on_error == "skip", fields, encoding, rejected=False)


def rejected_rows(
    spark: SparkSession,
    paths: Iterable[str | Path],
    shape: str,
    *,
    fields: Mapping[str, str] | None = None,
    encoding: Encoding = "utf-8",
) -> DataFrame:
    """What ``on_error="skip"`` leaves out: ``file, line, reason, position``, by reading everything again."""
    return _read(spark, paths, shape, True, fields, encoding, rejected=True)


def _read(
    spark: SparkSession,
    paths: Iterable[str | Path],
    shape: str,
    skip: bool,
    fields: Mapping[str, str] | None,
    encoding: Encoding,
    *,
    rejected: bool,
) -> DataFrame:
    files = list(map(str, find_inputs(paths)))
    columns = _COLUMNS["rejected" if rejected else shape]
    to_row = _document_row if shape == "documents" else _question_row

    def work(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch["id"].to_pylist():
                errors: list[RowError] = []
                found = read_rows(
                    [files[number]],
                    shape,
                    on_reject=errors.append if skip else None,
                    fields=dict(fields or {}) or None,
                    encoding=encoding,
                )
                first = number << ROW_BITS
                found_rows = (to_row(row, first + n) for n, (_, _, row) in enumerate(found))
                rows = (_errors_of if rejected else _without_errors)(found_rows, errors, first)
                while some := list(islice(rows, _ROWS_AT_ONCE)):
                    yield pa.RecordBatch.from_pylist(some, arrow_schema(columns))

    # A partition for each file: with n partitions the numbers below n have one each.
    return spark.range(0, len(files), 1, len(files)).mapInArrow(telling(work), columns)


def _document_row(row: Any, position: int) -> _Row:
    return {"doc_id": row.doc_id, "text": row.text, "source": row.source, "position": position}


def _question_row(row: Any, position: int) -> _Row:
    answers = list(row.answers)
    return {"question": row.question, "answers": answers, "source": row.source, "position": position}


def _without_errors(rows: Iterator[_Row], errors: list[RowError], first: int) -> Iterator[_Row]:
    for row in rows:
        errors.clear()
        yield row


def _errors_of(rows: Iterator[_Row], errors: list[RowError], first: int) -> Iterator[_Row]:
    """The rows that could not be used, in the order in which the reader met them."""
    count = 0
    done = object()
    while True:
        ended = next(rows, done) is done
        for error in errors:
            yield {
                "file": error.file,
                "line": error.line,
                "reason": error.reason,
                "position": first + count,
            }
            count += 1
        errors.clear()
        if ended:
            return


def consecutive(documents: DataFrame) -> DataFrame:
    """Add ``index``: the number of each row in the order of ``position``, from 0.

    The positions must be those of our readers: in every file, rows numbered from 0 without a gap. Then the
    rows of each file need only be counted.

    Raises:
        InputError: They are not.
    """
    row = F.col("position").bitwiseAND(F.lit((1 << ROW_BITS) - 1))
    sizes = (
        documents.groupBy(F.shiftright("position", ROW_BITS).alias("file"))
        .agg(
            F.count(F.lit(1)).alias("rows"),
            F.max(row).alias("last"),
            F.count_distinct(row).alias("different"),
        )
        .collect()
    )
    first, starts = 0, []
    for size in sorted(sizes, key=lambda size: size["file"] if size["file"] is not None else -1):
        if size["file"] is None or not size["rows"] == size["last"] + 1 == size["different"]:
            raise InputError(
                "window > 1 needs neighbouring documents: the column position must number the rows without "
                "gaps, as read_documents does (file << 40 | row)"
            )
        starts.append((size["file"], first))
        first += size["rows"]
    table = documents.sparkSession.createDataFrame(starts, "file bigint, first bigint")
    joined = documents.withColumn("file", F.shiftright("position", ROW_BITS)).join(F.broadcast(table), "file")
    return joined.withColumn("index", F.col("first") + row).drop("file", "first")
