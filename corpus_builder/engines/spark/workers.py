"""What runs in Spark's Python workers: record batches in and out, by the local engine's kernels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark import Broadcast

from corpus_builder.engines.spark.sessions import arrow_schema, telling
from corpus_builder.errors import InputError
from corpus_builder.kernels.pairs import Pairs
from corpus_builder.kernels.partners import pair_keys
from corpus_builder.kernels.selection import Keys
from corpus_builder.miners.answers import answer_groups, merge_questions
from corpus_builder.miners.run import CHUNK_CHARACTERS, Mining
from corpus_builder.miners.sentences import Counts, Sentences, TextGroup, cut_and_sift
from corpus_builder.miners.similar import pairs_of_groups
from corpus_builder.rows import Question
from corpus_builder.similarity import normalise

Batches = Iterable[pa.RecordBatch]
Work = Callable[[Batches], Iterator[pa.RecordBatch]]

GROUPS = "position bigint, texts array<string>, source string, origin string"
"""A group of texts: a document, a window of documents, or a question with its answers."""

PAIRS = (
    "position bigint, rank bigint, key bigint, a bigint, b bigint, "
    "text_a string, text_b string, score double, source string, origin string, "
    "hashes binary, name string, place bigint, number bigint"
)
"""One of three: a pair, with a ``position``; the sentences of texts, ``hashes`` of 64 bits end to end; a
count of the funnel, its ``name``, ``place`` in it and ``number``.

``(position, rank)`` is the order of the local engine: groups by position, in a group the most similar first.
``a``, ``b`` and ``key`` are the hashes of the sentences and of the pair, 64 bits without a sign in Spark's 64
bits with one.
"""

_ROWS_AT_ONCE = 1 << 16
_PAIR_SCHEMA = arrow_schema(PAIRS)


@dataclass(slots=True)
class _Chunk:
    """Groups that are worked on together, and their positions."""

    groups: list[TextGroup] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    characters: int = 0

    def add(self, position: int, group: TextGroup) -> None:
        self.positions.append(position)
        self.groups.append(group)
        self.characters += sum(map(len, group.texts))


def similar_pairs(mining: Mining, answers: bool, excluded: Broadcast[Keys]) -> Work:
    """Groups to :data:`PAIRS`: pairs and sentences of each chunk, in the end the counts."""

    def work(batches: Batches) -> Iterator[pa.RecordBatch]:
        totals: Counts = Counter()
        across, rules = mining.across_texts, mining.rules
        for chunk in _chunks(batches, answers, totals):
            counts: Counts = Counter(groups=len(chunk.groups))
            sentences = cut_and_sift(
                chunk.groups, rules, counts, excluded=excluded.value, across_texts=across
            )
            pairs = pairs_of_groups(
                sentences, mining.threshold, mining.variant, rules, counts, across_texts=across
            )
            yield from _pair_batches(chunk, sentences, pairs)
            if mining.max_documents:
                hashes = np.sort(sentences.hashes_of_texts).tobytes()
                yield pa.RecordBatch.from_pylist([{"hashes": hashes}], _PAIR_SCHEMA)
            totals.update(counts)
        rows = [{"name": name, "place": n, "number": totals[name]} for n, name in enumerate(totals)]
        yield pa.RecordBatch.from_pylist(rows, _PAIR_SCHEMA)

    return telling(work)


def single_hashes(batches: Batches) -> Iterator[pa.RecordBatch]:
    """Rows of ``hashes`` to rows of one ``hash``."""
    for batch in batches:
        for hashes in batch["hashes"]:
            yield pa.record_batch({"hash": np.frombuffer(hashes.as_py(), np.int64)})


def question_titles(batches: Batches) -> Iterator[pa.RecordBatch]:
    """Add ``title``: what questions are put together by, see :func:`merge_questions`."""
    for batch in batches:
        first_lines = [(text or "").split("\n", 1)[0] for text in batch["origin"].to_pylist()]
        yield batch.append_column("title", pa.array(map(normalise, first_lines), pa.string()))


def merged_questions(batches: Batches) -> Iterator[pa.RecordBatch]:
    """Rows ``position, rows: array<struct<position, origin, texts, source>>`` to groups, one for each."""
    for batch in batches:
        found = []
        for row in batch.to_pylist():
            questions = (Question(one["origin"], _texts(one), one["source"]) for one in row["rows"])
            merged = next(merge_questions(questions))
            found.append(
                {
                    "position": row["position"],
                    "texts": list(merged.answers),
                    "source": merged.source,
                    "origin": merged.question,
                }
            )
        yield pa.RecordBatch.from_pylist(found, arrow_schema(GROUPS))


def _chunks(batches: Batches, answers: bool, counts: Counts) -> Iterator[_Chunk]:
    """Groups gathered until they have about as many characters as a chunk of the local engine."""
    chunk = _Chunk()
    for batch in batches:
        for row in batch.to_pylist():
            texts = _texts(row)
            if answers:
                for group in answer_groups([Question(row["origin"], texts, row["source"])], counts):
                    chunk.add(row["position"], group)
            else:
                chunk.add(row["position"], TextGroup(texts, row["source"], row["origin"]))
            if chunk.characters >= CHUNK_CHARACTERS:
                yield chunk
                chunk = _Chunk()
    if chunk.groups:
        yield chunk


def _texts(row: dict[str, Any]) -> tuple[str, ...]:
    for name in ("position", "texts", "origin"):
        if row[name] is None or (name == "texts" and None in row[name]):
            field_name = {"texts": "text or answers", "origin": "doc_id or question"}.get(name, name)
            place = f'"{row["origin"]}"' if row["origin"] is not None else f"position {row['position']}"
            raise InputError(f"row {place}: {field_name} must not be null; fill it or filter the row out")
    return tuple(row["texts"])


def _pair_batches(chunk: _Chunk, sentences: Sentences, pairs: Pairs) -> Iterator[pa.RecordBatch]:
    """The pairs of a chunk with their order."""
    i, j, score = pairs
    keys = np.stack([sentences.hashes[i], sentences.hashes[j]], axis=1)
    group = sentences.group[i]
    # Pairs come group by group, so the number of those before is the rank of a group's first.
    rank = np.arange(len(group)) - np.searchsorted(group, group)
    position = np.array(chunk.positions, np.int64)[group]
    for start in range(0, len(group), _ROWS_AT_ONCE):
        some = slice(start, start + _ROWS_AT_ONCE)
        of = [chunk.groups[n] for n in group[some].tolist()]
        columns: dict[str, Any] = {
            "position": position[some],
            "rank": rank[some],
            "key": pair_keys(keys[some]).view(np.int64),
            "a": keys[some, 0].view(np.int64),
            "b": keys[some, 1].view(np.int64),
            "text_a": list(map(sentences.written, i[some].tolist())),
            "text_b": list(map(sentences.written, j[some].tolist())),
            "score": [round(value, 4) for value in score[some].tolist()],
            "source": [group.source for group in of],
            "origin": [group.origin for group in of],
        }
        columns |= dict.fromkeys(("hashes", "name", "place", "number"), [None] * len(of))
        yield pa.RecordBatch.from_pydict(columns, _PAIR_SCHEMA)
