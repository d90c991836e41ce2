"""The shapes of data: which fields a row has, and what it becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from corpus_builder.errors import InputError
from corpus_builder.readers.errors import BadRow
from corpus_builder.readers.fields import (
    Object,
    identity,
    missing,
    number,
    optional_number,
    optional_text,
    source_name,
    text,
    texts,
)
from corpus_builder.readers.files import Format
from corpus_builder.rows import (
    NLI_LABELS,
    NO_CONSENSUS,
    Document,
    Group,
    NliRow,
    Pair,
    Question,
    StsRow,
    Triple,
)

R = TypeVar("R")


@dataclass(frozen=True)
class Shape(Generic[R]):
    """What the rows of a file are.

    Attributes:
        name: as the commands call it, ``"documents"``.
        needs: the fields a row must have; several tuples are alternatives, the first that fits counts.
        may_have: the fields it may have besides.
        parse: ``(object, source, "file:line") -> row``, raising :class:`BadRow`.
        form: the format of files whose ending says none.
        line: the field that a line of plain text is; None where plain text cannot hold such rows.
        lists: the fields that hold lists.
        numbers: the fields that hold numbers.
    """

    name: str
    needs: tuple[tuple[str, ...], ...]
    may_have: tuple[str, ...]
    parse: Callable[[Object, str, str], R]
    form: Format = Format.JSONL
    line: str | None = None
    lists: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()

    @property
    def fields(self) -> tuple[str, ...]:
        """All fields, each once."""
        return tuple(dict.fromkeys([name for names in (*self.needs, self.may_have) for name in names]))

    def needs_with(self, fields: Mapping[str, str]) -> tuple[tuple[str, ...], ...]:
        """The alternatives that are left when ``fields`` names some of their fields."""
        named = tuple(names for names in self.needs if any(name in fields for name in names))
        return named or self.needs


def _group(row: Object, source: str, place: str) -> Group:
    return Group(
        text(row, "text"),
        texts(row, "synonyms"),
        source_name(row, source),
        optional_number(row, "score"),
        optional_text(row, "kind") or "question",
    )


def _pair(row: Object, source: str, place: str) -> Pair:
    score = optional_number(row, "score")
    return Pair(
        text(row, "text_a"),
        text(row, "text_b"),
        1.0 if score is None else score,
        source_name(row, source),
    )


def _question(row: Object, source: str, place: str) -> Question:
    answers = texts(row, "answers")
    found = row.get("documents")
    if found is not None:
        if not isinstance(found, list) or not all(isinstance(document, dict) for document in found):
            raise BadRow('the field "documents" must be a list of objects')
        answers += tuple(["\n".join(texts(document, "paragraphs")) for document in found])
    return Question(text(row, "question"), answers, source_name(row, source))


def _document(row: Object, source: str, place: str) -> Document:
    if "text" in row:
        content = text(row, "text")
    elif "paragraphs" in row:
        title = optional_text(row, "title")
        content = "\n".join((*([] if title is None else [title]), *texts(row, "paragraphs")))
    elif "answers" in row:
        content = "\n".join((text(row, "question"), *texts(row, "answers")))
    else:
        raise missing(row, "text", "paragraphs")
    return Document(identity(row, "doc_id") or place, content, source_name(row, source))


def _sts(row: Object, source: str, place: str) -> StsRow:
    if row.get("label") is None and "label" in row:
        raise BadRow("the label is empty")
    return StsRow(text(row, "text_a"), text(row, "text_b"), number(row, "label"))


def _nli(row: Object, source: str, place: str) -> NliRow:
    label = text(row, "label")
    if label not in NLI_LABELS and label != NO_CONSENSUS:
        raise BadRow(f"the label {label!r} is none of {', '.join(NLI_LABELS)}")
    return NliRow(text(row, "text_a"), text(row, "text_b"), label)


def _triple(row: Object, source: str, place: str) -> Triple:
    return Triple(
        text(row, "anchor"),
        text(row, "positive"),
        text(row, "negative"),
        source_name(row, source),
    )


def _text(row: Object, source: str, place: str) -> str:
    return text(row, "text")


GROUPS = Shape(
    "groups",
    (("text", "synonyms"),),
    ("source", "score", "kind"),
    _group,
    lists=("synonyms",),
    numbers=("score",),
)
PAIRS = Shape("pairs", (("text_a", "text_b"),), ("score", "source"), _pair, numbers=("score",))
QA = Shape(
    "qa", (("question", "answers"),), ("documents", "source"), _question, lists=("answers", "documents")
)
DOCUMENTS = Shape(
    "documents",
    (("text",), ("paragraphs",), ("question", "answers")),
    ("title", "doc_id", "source"),
    _document,
    line="text",
    lists=("paragraphs", "answers"),
)
STS = Shape("sts", (("text_a", "text_b", "label"),), (), _sts, form=Format.TSV, numbers=("label",))
NLI = Shape("nli", (("text_a", "text_b", "label"),), (), _nli, form=Format.TSV)
TRIPLES = Shape("triples", (("anchor", "positive", "negative"),), ("source",), _triple, form=Format.TSV)
TEXTS = Shape("texts", (("text",),), (), _text, form=Format.TEXT, line="text")

SHAPES: dict[str, Shape[Any]] = {
    shape.name: shape for shape in (GROUPS, PAIRS, QA, DOCUMENTS, STS, NLI, TRIPLES, TEXTS)
}


def shape_called(name: str) -> Shape[Any]:
    """The shape of that name.

    Raises:
        InputError: there is none.
    """
    if name not in SHAPES:
        raise InputError(f"shape {name!r}: must be one of {', '.join(SHAPES)}")
    return SHAPES[name]
