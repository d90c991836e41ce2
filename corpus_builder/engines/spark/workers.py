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
from corpus_builder.jobs.parts import Part
from corpus_builder.kernels.partners import pair_keys
from corpus_builder.miners.answers import answer_groups, merge_questions
from corpus_builder.miners.run import CHUNK_CHARACTERS, Mining
from corpus_builder.miners.sentences import NO_KEYS, Counts, Keys, TextGroup, cut_and_sift
from corpus_builder.miners.similar import pairs_of_groups
from corpus_builder.rows import Question
from corpus_builder.similarity import normalise

Batches = Iterable[pa.RecordBatch]
Work = Callable[[Batches], Iterator[pa.RecordBatch]]

GROUPS = "position bigint, texts array<string>, source string, origin string"
"""A group of texts: a document, a window of documents, or a question with its answers."""

HASHES = "hash bigint, texts bigint"
PLACES = "hash bigint, position bigint"
PAIRS = (
    "position bigint, rank bigint, key bigint, a bigint, b bigint, "
    "text_a string, text_b string, score double, source string, origin string, "
    "name string, place bigint, number bigint"
)
"""A pair; or, where ``position`` is null, a count of the funnel: its ``name``, ``place`` in it, ``number``.

``(position, rank)`` is the order of the local engine: groups by position, in a group the most similar first.
``a``, ``b`` and ``key`` are the hashes of the sentences and of the pair, 64 bits without a sign in Spark's 64
bits with one.
"""

_ROWS_AT_ONCE = 1 << 16
_PAIR_SCHEMA = arrow_schema(PAIRS)


@dataclass(slots=True)
class _Chunk:
    """Groups worked on together. The origin of each is its number here; its own is in ``origins``."""

    groups: list[TextGroup] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    origins: list[str] = field(default_factory=list)
    boilerplate: list[int] = field(default_factory=list)
    characters: int = 0

    def add(self, row: dict[str, Any], group: TextGroup) -> None:
        self.positions.append(row["position"])
        self.origins.append(group.origin)
        self.groups.append(group._replace(origin=str(len(self.groups))))
        self.boilerplate += row.get("boilerplate") or ()
        self.characters += sum(map(len, group.texts))


def sentence_counts(mining: Mining, answers: bool) -> Work:
    """Groups to :data:`HASHES`: in how many texts of a chunk each sentence stands."""

    def work(batches: Batches) -> Iterator[pa.RecordBatch]:
        for chunk in _chunks(batches, answers, Counter()):
            sentences = cut_and_sift(chunk.groups, mining.rules, Counter(), across_texts=True)
            hashes, texts = np.unique(sentences.hashes, return_counts=True)
            yield pa.record_batch({"hash": hashes.view(np.int64), "texts": texts.astype(np.int64)})

    return telling(work)


def sentence_places(mining: Mining, answers: bool) -> Work:
    """Groups to :data:`PLACES`: the different sentences of each group."""

    def work(batches: Batches) -> Iterator[pa.RecordBatch]:
        for chunk in _chunks(batches, answers, Counter()):
            sentences = cut_and_sift(chunk.groups, mining.rules, Counter())
            positions = np.array(chunk.positions, np.int64)[sentences.group]
            yield pa.record_batch({"hash": sentences.hashes.view(np.int64), "position": positions})

    return telling(work)


def similar_pairs(
    mining: Mining, answers: bool, excluded: Broadcast[Keys], boilerplate: Broadcast[Keys] | None
) -> Work:
    """Groups, with or without their own ``boilerplate``, to :data:`PAIRS`, then the counts."""

    def work(batches: Batches) -> Iterator[pa.RecordBatch]:
        totals: Counts = Counter()
        for chunk in _chunks(batches, answers, totals):
            counts: Counts = Counter(groups=len(chunk.groups))
            sentences = cut_and_sift(
                chunk.groups,
                mining.rules,
                counts,
                excluded=excluded.value,
                # Boilerplate of one group is boilerplate everywhere, so a chunk may share it.
                boilerplate=boilerplate.value if boilerplate else _keys(chunk.boilerplate),
                across_texts=mining.across_texts,
            )
            part = pairs_of_groups(
                chunk.groups,
                sentences,
                mining.threshold,
                mining.variant,
                mining.rules,
                counts,
                across_texts=mining.across_texts,
            )
            yield from _pair_batches(chunk, part)
            totals.update(part.counts)
        yield _count_batch(totals)

    return telling(work)


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
                    chunk.add(row, group)
            else:
                chunk.add(row, TextGroup(texts, row["source"], row["origin"]))
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


def _keys(signed: list[int]) -> Keys:
    return np.unique(np.array(signed, np.int64).view(np.uint64)) if signed else NO_KEYS


def _pair_batches(chunk: _Chunk, part: Part) -> Iterator[pa.RecordBatch]:
    """The pairs of a chunk with their order."""
    if not part.rows:
        return
    keys = np.maximum(part.keys.reshape(-1, 2), np.uint64(1))  # as the gate has it
    of_pair = pair_keys(keys).view(np.int64)
    signed = keys.view(np.int64)
    group = np.array([int(row["origin"]) for row in part.rows])
    # Pairs come group by group, so the number of those before is the rank of a group's first.
    rank = np.arange(len(group)) - np.searchsorted(group, group)
    position = np.array(chunk.positions, np.int64)[group]
    for start in range(0, len(group), _ROWS_AT_ONCE):
        some = slice(start, start + _ROWS_AT_ONCE)
        rows = part.rows[some]
        columns: dict[str, Any] = {
            name: [row[name] for row in rows] for name in ("text_a", "text_b", "score", "source")
        }
        columns |= {"position": position[some], "rank": rank[some], "key": of_pair[some]}
        columns |= {"a": signed[some, 0], "b": signed[some, 1]}
        columns["origin"] = [chunk.origins[n] for n in group[some].tolist()]
        columns |= dict.fromkeys(("name", "place", "number"), [None] * len(rows))
        yield pa.record_batch(columns, schema=_PAIR_SCHEMA)


def _count_batch(counts: Counts) -> pa.RecordBatch:
    rows = [{"name": name, "place": n, "number": counts[name]} for n, name in enumerate(counts)]
    return pa.RecordBatch.from_pylist(rows, _PAIR_SCHEMA)
