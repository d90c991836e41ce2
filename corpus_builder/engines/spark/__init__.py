"""The miners on Spark: DataFrame in, DataFrame out, the same pairs as on one machine.

The sentences are cut, sifted and compared by the kernels of the local engine, in Python workers that Spark
hands record batches (``mapInArrow``). What is global is done by shuffles of 64-bit numbers: which sentences
are boilerplate, which pairs came before, which sentences have enough partners. See ``docs/scale.md``.

Needs ``pip install 'roformer-sim[pyspark]'`` and Java 17 or newer.

Example:
    >>> from corpus_builder.engines.spark import mine_documents, read_documents, session
    >>> spark = session("local[2]")
    >>> documents = read_documents(spark, ["文档/*.jsonl.xz"])
    >>> mining = Mining(threshold=0.6, variant="set", rules=Rules(), max_documents=5)
    >>> mine_documents(documents, mining).write.parquet("pairs")
"""

from corpus_builder.errors import InputError

try:
    import pyspark  # noqa: F401
except ModuleNotFoundError:
    raise InputError("the Spark engine needs PySpark: pip install 'roformer-sim[pyspark]'") from None

from corpus_builder.engines.spark.command import run_on_spark
from corpus_builder.engines.spark.mining import Tuning, mine_answers, mine_documents
from corpus_builder.engines.spark.reading import read_documents, read_questions, rejected_rows
from corpus_builder.engines.spark.sessions import session

__all__ = [
    "Tuning",
    "mine_answers",
    "mine_documents",
    "read_documents",
    "read_questions",
    "rejected_rows",
    "run_on_spark",
    "session",
]
