"""Starting Spark, keeping what was computed, and turning a worker's complaint back into an ``InputError``."""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import pyarrow as pa
from pyspark import StorageLevel
from pyspark.errors import PySparkException, PySparkRuntimeError
from pyspark.sql import DataFrame, SparkSession

from corpus_builder.errors import InputError

T = TypeVar("T")

# Neither stands in a text of ours nor in the lines of code that a traceback quotes.
_BEGIN, _END = "\x02\x02", "\x03\x03"


def session(master: str = "", **options: str) -> SparkSession:
    """The running session, or a new one.

    Args:
        master: ``"local[2]"``, ``"spark://host:7077"``; empty: what ``spark-submit`` was told.
        options: Spark's own settings, dots written as double underscores: ``spark__driver__memory="4g"``.

    Raises:
        InputError: Spark does not start, most often for want of Java.
    """
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("corpus-builder")
    if master:
        builder = builder.master(master)
    if master.startswith("local"):
        # Nothing of a run on one machine is for the network.
        builder = builder.config("spark.driver.bindAddress", "127.0.0.1")
        builder = builder.config("spark.driver.host", "127.0.0.1").config("spark.ui.enabled", "false")
        builder = builder.config("spark.sql.shuffle.partitions", "16")  # not 200
    # Rows of a batch that goes to a worker; documents can be long.
    builder = builder.config("spark.sql.execution.arrow.maxRecordsPerBatch", "1000")
    for name, value in options.items():
        builder = builder.config(name.replace("__", "."), value)
    try:
        return builder.getOrCreate()
    except PySparkRuntimeError as error:
        raise InputError(
            f"Spark does not start ({error.getCondition()}): it needs Java 17 or newer; set JAVA_HOME"
        ) from None


@contextmanager
def step(spark: SparkSession, name: str) -> Iterator[None]:
    """What Spark's pages and event log call the jobs run meanwhile."""
    spark.sparkContext.setJobDescription(name)
    try:
        yield
    finally:
        spark.sparkContext.setJobDescription("")


_ARROW = {
    "bigint": pa.int64(),
    "binary": pa.binary(),
    "double": pa.float64(),
    "string": pa.string(),
    "array<string>": pa.list_(pa.string()),
}


def arrow_schema(columns: str) -> pa.Schema:
    """Arrow's schema for columns as Spark's SQL names them, ``"position bigint, text string"``."""
    return pa.schema([(name, _ARROW[kind]) for name, kind in map(str.split, columns.split(","))])


def stored(frame: DataFrame, folder: str, name: str) -> DataFrame:
    """The same rows, computed now and once: in Parquet files of ``folder``, or on the executors' disks.

    Without a folder the rows are gone with the executor that holds them, and the run fails with it.
    """
    if not folder:
        return frame.localCheckpoint(storageLevel=StorageLevel.DISK_ONLY)
    path = f"{folder.rstrip('/')}/{name}"
    frame.write.mode("overwrite").parquet(path)
    return frame.sparkSession.read.schema(frame.schema).parquet(path)


def telling(work: Callable[..., Iterator[T]]) -> Callable[..., Iterator[T]]:
    """Mark the message of an :class:`InputError` that a worker raises, for :func:`input_errors` to find."""

    @functools.wraps(work)
    def marked(batches: object) -> Iterator[T]:
        try:
            yield from work(batches)
        except InputError as error:
            raise InputError(f"{_BEGIN}{error}{_END}") from None

    return marked


@contextmanager
def input_errors() -> Iterator[None]:
    """Raise the :class:`InputError` of a worker as such, out of Spark's own exception around it."""
    try:
        yield
    except PySparkException as error:
        found = re.search(f"{_BEGIN}(.*?){_END}", str(error), re.DOTALL)
        if found is None:
            raise
        raise InputError(found[1]) from None
