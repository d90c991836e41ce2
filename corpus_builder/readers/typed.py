"""Typed rows of any shape from files of any format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, overload

from corpus_builder.errors import InputError
from corpus_builder.readers.errors import BadRow, OnReject, RowError, refuse
from corpus_builder.readers.fields import Object, cell_values, listed, renamed
from corpus_builder.readers.files import Format, find_inputs, format_of, source_of
from corpus_builder.readers.json_lines import json_objects
from corpus_builder.readers.lines import Encoding, check_encoding, decoded_lines
from corpus_builder.readers.parquet import ParquetRows
from corpus_builder.readers.shapes import (
    DOCUMENTS,
    GROUPS,
    NLI,
    PAIRS,
    QA,
    STS,
    TEXTS,
    TRIPLES,
    Shape,
    shape_called,
)
from corpus_builder.readers.tables import table_rows
from corpus_builder.rows import Document, Group, NliRow, Pair, Question, StsRow, Triple

R = TypeVar("R")
Fields = Mapping[str, str]
Prepare = Callable[[Object], Object]
RawRows = Iterator[tuple[int, Any]]


@overload
def read_rows(
    paths: Iterable[str | Path],
    shape: Shape[R],
    *,
    on_reject: OnReject | None = None,
    fields: Fields | None = None,
    encoding: Encoding = "utf-8",
) -> Iterator[tuple[Path, int, R]]: ...
@overload
def read_rows(
    paths: Iterable[str | Path],
    shape: str,
    *,
    on_reject: OnReject | None = None,
    fields: Fields | None = None,
    encoding: Encoding = "utf-8",
) -> Iterator[tuple[Path, int, Any]]: ...
def read_rows(
    paths: Iterable[str | Path],
    shape: Shape[Any] | str,
    *,
    on_reject: OnReject | None = None,
    fields: Fields | None = None,
    encoding: Encoding = "utf-8",
) -> Iterator[tuple[Path, int, Any]]:
    """Yield ``(file, line, row)`` of files, folders and globs, in a fixed order.

    Files come in the order of :func:`find_inputs`, rows in that of the file, so that ``(file, line)`` says
    how far a run has come. The format follows from the ending (``.jsonl``, ``.ndjson``, ``.json``, ``.tsv``,
    ``.csv``, ``.txt``, ``.parquet``; text also ``.gz``, ``.zst``, ``.xz``); files with another ending are
    JSON lines, for STS and triples TSV, for texts plain text.

    Args:
        shape: ``"groups"``, ``"pairs"``, ``"qa"``, ``"documents"``, ``"sts"``, ``"nli"``, ``"triples"`` or
            ``"texts"``, or the :class:`Shape` of that name in capitals.
        on_reject: is given each row that cannot be used; None: the first of them is raised.
        fields: our names to the file's, ``{"question": "title", "answers": "replies"}``; the others keep
            theirs. A field named here must be in every row.
        encoding: ``"utf-8"``, ``"gb18030"`` or ``"auto"``, see :func:`decoded_lines`.

    Example:
        >>> names = {"question": "标题", "answers": "回复"}
        >>> for path, line, row in read_rows(["问答.csv"], QA, fields=names):
        ...     print(path, line, row.question)

    Raises:
        InputError: a file is missing, ``fields`` names what the shape has not, or a table or Parquet file
            lacks a column (the message lists those it has); never handed to ``on_reject``.
        RowError: a row cannot be used, and ``on_reject`` is None.
    """
    known = shape_called(shape) if isinstance(shape, str) else shape
    check_encoding(encoding)
    _check_fields(known, fields or {})
    files = find_inputs(paths)
    return (
        (path, number, row)
        for path in files
        for number, row in _read(path, known, on_reject, fields, encoding)
    )


def read_groups(path: str | Path, on_reject: OnReject | None = None) -> Iterator[Group]:
    """Groups ``{"text", "synonyms": [...]}``; an optional ``source`` (default: the file's name)."""
    return (row for _, row in _read(Path(path), GROUPS, on_reject))


def read_questions(path: str | Path, on_reject: OnReject | None = None) -> Iterator[Question]:
    """QA rows ``{"question", "answers": [...]}``; an optional ``source``.

    Rows of DuReader's shape also hold ``"documents": [{"paragraphs": [...]}]``, what search found for the
    question: each document is one more answer.
    """
    return (row for _, row in _read(Path(path), QA, on_reject))


def read_documents(path: str | Path, on_reject: OnReject | None = None) -> Iterator[Document]:
    """Documents ``{"doc_id", "text"}`` or ``{"title", "paragraphs": [...]}`` (joined by newlines).

    QA rows are taken too, as documents of the question and its answers, and lines of plain text.
    ``doc_id`` defaults to ``<file name>:<line>``; ``title`` may be absent.
    """
    return (row for _, row in _read(Path(path), DOCUMENTS, on_reject))


def read_pairs(path: str | Path, on_reject: OnReject | None = None) -> Iterator[Pair]:
    """Pairs ``{"text_a", "text_b"}`` with an optional ``score`` (default 1.0) and ``source``."""
    return (row for _, row in _read(Path(path), PAIRS, on_reject))


def read_sts(path: str | Path, on_reject: OnReject | None = None) -> Iterator[StsRow]:
    """STS tables: a header ``text_a<TAB>text_b<TAB>label`` and a pair a line; further columns may follow."""
    return (row for _, row in _read(Path(path), STS, on_reject))


def read_nli(path: str | Path, on_reject: OnReject | None = None) -> Iterator[NliRow]:
    """NLI tables ``text_a<TAB>text_b<TAB>label``, label entailment, neutral or contradiction."""
    return (row for _, row in _read(Path(path), NLI, on_reject))


def read_triples(path: str | Path, on_reject: OnReject | None = None) -> Iterator[Triple]:
    """NLI triples: a header ``anchor<TAB>positive<TAB>negative``; an optional ``source``."""
    return (row for _, row in _read(Path(path), TRIPLES, on_reject))


def read_texts(path: str | Path, on_reject: OnReject | None = None) -> Iterator[str]:
    """Texts: one a line, blank lines passed over, or the field ``text`` of JSON lines, tables, Parquet."""
    return (row for _, row in _read(Path(path), TEXTS, on_reject))


def read_objects(
    path: str | Path, on_reject: OnReject | None = None, *, encoding: Encoding = "utf-8"
) -> Iterator[tuple[int, Object]]:
    """Yield ``(line, object)`` of a file of any format and shape, nothing checked.

    A line of plain text (also of files with an unknown ending) is ``{"text": line}``; cells are strings.
    """
    path = Path(path)
    form = format_of(path) or Format.TEXT
    if form is Format.PARQUET:
        table = ParquetRows(path)
        rows: RawRows = table.rows(table.columns)
    elif form is Format.JSONL:
        rows = json_objects(path, encoding)
    elif form is Format.TEXT:
        rows = _text_lines(path, "text", encoding)
    else:
        rows = table_rows(path, form, encoding)
        next(_until_header(rows, on_reject), None)
    for number, row in rows:
        if isinstance(row, RowError):
            refuse(row, on_reject)
        else:
            yield number, row


def _read(
    path: Path,
    shape: Shape[R],
    on_reject: OnReject | None,
    fields: Fields | None = None,
    encoding: Encoding = "utf-8",
) -> Iterator[tuple[int, R]]:
    """The typed rows of one file."""
    fields = fields or {}
    rows, prepare = _raw_rows(path, shape, on_reject, fields, encoding)
    parse, source, name = shape.parse, source_of(path), path.name
    for number, row in rows:
        if isinstance(row, RowError):
            refuse(row, on_reject)
            continue
        try:
            parsed = parse(prepare(row) if prepare else row, source, f"{name}:{number}")
        except BadRow as bad:
            refuse(RowError(str(path), number, str(bad)), on_reject)
        else:
            yield number, parsed


def _raw_rows(
    path: Path, shape: Shape[R], on_reject: OnReject | None, fields: Fields, encoding: Encoding
) -> tuple[RawRows, Prepare | None]:
    """The objects of a file, and what makes them rows of the shape (None: they are)."""
    form = format_of(path) or shape.form
    # With {"paragraphs": "段落"} the file's own "text" is something else.
    needs = shape.needs_with(fields)
    hidden = {name for names in shape.needs if names not in needs for name in names}

    def rename(row: Object) -> Object:
        row = renamed(row, fields)
        return {key: value for key, value in row.items() if key not in hidden}

    if form is Format.TEXT:
        if shape.line is None:
            raise InputError(f"{path}: plain text holds no {shape.name}; use JSON lines, a table or Parquet")
        return _text_lines(path, shape.line, encoding), None
    if form is Format.JSONL:
        return json_objects(path, encoding), rename if fields else None
    if form is Format.PARQUET:
        table = ParquetRows(path)
        _check_columns(path, 0, table.columns, shape, fields)
        wanted = {fields.get(name, name) for name in shape.fields}
        columns = [name for name in table.columns if name in wanted]
        return table.rows(columns), rename if fields else None

    rows = table_rows(path, form, encoding)
    for number, header in _until_header(rows, on_reject):
        _check_columns(path, number, list(header), shape, fields)
    return rows, lambda row: cell_values(rename(row) if fields else row, shape.lists, shape.numbers)


def _until_header(rows: RawRows, on_reject: OnReject | None) -> RawRows:
    """Advance a table's rows to the one that follows the header, and yield the header."""
    for number, row in rows:
        if not isinstance(row, RowError):
            yield number, row
            return
        refuse(row, on_reject)


def _text_lines(path: Path, field: str, encoding: Encoding) -> RawRows:
    for number, line in decoded_lines(path, encoding):
        if isinstance(line, RowError):
            yield number, line
        elif line.strip():
            yield number, {field: line.rstrip("\r")}


def _check_fields(shape: Shape[Any], fields: Fields) -> None:
    for name in fields:
        if name not in shape.fields:
            raise InputError(f"fields: {shape.name} have no {name!r}; they have {', '.join(shape.fields)}")


def _check_columns(path: Path, number: int, columns: list[str], shape: Shape[Any], fields: Fields) -> None:
    """Refuse a table without the columns that a row needs, once for all rows."""
    for ours, theirs in fields.items():
        if theirs not in columns:
            reason = f'the column "{theirs}", named for "{ours}", is missing; the file has: {listed(columns)}'
            raise RowError(str(path), number, reason)
    have = {*columns, *fields}
    needs = shape.needs_with(fields)
    if not any(have.issuperset(names) for names in needs):
        expected = " or ".join(", ".join(names) for names in needs)
        reason = f"expected a header with the columns {expected}; the file has: {listed(columns)}"
        raise RowError(str(path), number, reason)
