"""The rows that are mixed: groups or pairs, told apart by their fields, and the one shape they leave in."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from corpus_builder.mixing.plan import Kind
from corpus_builder.readers import Shape
from corpus_builder.readers.errors import BadRow, kind
from corpus_builder.readers.fields import Object, missing, number, optional_text, text, texts


class MixRow(NamedTuple):
    """Texts that mean the same, and what was written beside them.

    Attributes:
        text, synonyms: Of a group; of a pair its first text and the second.
        source: The row's own, or else the file's name up to the first dot.
        score, origin: As in the input; None where there is none.
    """

    text: str
    synonyms: tuple[str, ...]
    source: str
    score: float | None = None
    origin: str | int | None = None

    @property
    def trainable(self) -> bool:
        """Whether there are two texts or more, none of them blank."""
        return bool(self.synonyms) and all(map(str.strip, (self.text, *self.synonyms)))

    def line(self, kind: Kind) -> bytes:
        """The row as a line of JSON in the shape ``groups``, without its line end."""
        row: dict[str, Any] = {"text": self.text, "synonyms": self.synonyms, "kind": kind}
        if self.score is not None:
            row["score"] = self.score
        row["source"] = self.source
        if self.origin is not None:
            row["origin"] = self.origin
        return orjson.dumps(row)


def _parse(row: Object, source: str, place: str) -> MixRow:
    is_group = row.get("synonyms") is not None or row.get("text") is not None
    is_pair = row.get("text_a") is not None or row.get("text_b") is not None
    if is_group and is_pair:
        raise BadRow(
            "the row is a group (text, synonyms) and a pair (text_a, text_b) at once; which is meant?"
        )
    others: tuple[str, ...]
    if is_pair:
        first, others = text(row, "text_a"), (text(row, "text_b"),)
    elif is_group:
        first, others = text(row, "text"), texts(row, "synonyms")
    else:
        raise missing(row, "text", "text_a")
    return MixRow(first, others, optional_text(row, "source") or source, _score(row), _origin(row))


def _score(row: Object) -> float | None:
    score = row.get("score")
    # The common case first; NaN is no JSON, but Parquet has it.
    if type(score) is float and score - score == 0:
        return score
    if score is None:
        return None
    checked = number(row, "score")
    return score if type(score) is int and abs(score) < 2**53 else checked


def _origin(row: Object) -> str | int | None:
    origin = row.get("origin")
    if origin is None or (type(origin) is int and -(2**63) <= origin < 2**63):
        return origin
    if not isinstance(origin, str):
        raise BadRow(
            f'the field "origin" must be a string or a whole number of 64 bits, found {kind(origin)}'
        )
    return text(row, "origin")


MIXED: Shape[MixRow] = Shape(
    "groups or pairs",
    (("text", "synonyms"), ("text_a", "text_b")),
    ("score", "source", "origin"),
    _parse,
    lists=("synonyms",),
    numbers=("score",),
)
"""Rows of the shapes ``groups`` and ``pairs``, mixed as they may be."""
