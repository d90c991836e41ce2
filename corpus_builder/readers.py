"""Streaming readers. Every complaint names the file and the line.

JSON lines are read plain, gzipped (``.gz``) or xz-compressed (``.xz``), UTF-8, a BOM is accepted. A row that
cannot be used raises :class:`RowError`; with ``on_reject`` it is handed to that function instead and reading
goes on with the next row (a damaged compressed stream cannot go on: what was read before it is kept).
"""

from __future__ import annotations

import gzip
import json
import lzma
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

from corpus_builder.errors import InputError
from corpus_builder.rows import Document, Group, Pair, Question, StsRow

Row = TypeVar("Row")
Where = Callable[[str], "RowError"]


class RowError(InputError):
    """One row of an input file that cannot be used.

    Attributes:
        file: the file's path as it was given.
        line: the line's number, from 1; 0 where the whole file is meant.
        reason: what is wrong with it.
    """

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(f"{file}, line {line}: {reason}" if line else f"{file}: {reason}")
        self.file = file
        self.line = line
        self.reason = reason


OnReject = Callable[[RowError], None]


def read_lines(path: str | Path, on_reject: OnReject | None = None) -> Iterator[tuple[int, str]]:
    """Yield ``(line number, text without its line end)`` of a text file, plain, ``.gz`` or ``.xz``.

    Raises:
        InputError: the file cannot be opened.
        RowError: the file is empty, a line is not UTF-8, or the compressed stream is damaged or cut off.
    """
    path = Path(path)
    number = 0
    with _open(path) as stream:
        while True:
            try:
                raw = stream.readline()
            except (EOFError, OSError, lzma.LZMAError, zlib.error) as error:
                reason = f"the compressed data is damaged or cut off ({error}); fetch or write the file again"
                _refuse(RowError(str(path), number + 1, reason), on_reject)
                return
            if not raw:
                break
            number += 1
            try:
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                reason = (
                    f"not UTF-8 (byte 0x{raw[error.start]:02x} at {error.start}); convert the file to UTF-8"
                )
                _refuse(RowError(str(path), number, reason), on_reject)
                continue
            yield number, line.rstrip("\r\n")
    if number == 0:
        _refuse(RowError(str(path), 0, "the file is empty"), on_reject)


def read_jsonl(path: str | Path, on_reject: OnReject | None = None) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield ``(line number, object)`` of a JSON-lines file; blank lines are passed over.

    Raises:
        RowError: as :func:`read_lines`, and for malformed JSON, a cut-off line, or a line that is no object.
    """
    for number, line in read_lines(path, on_reject):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            _refuse(RowError(str(path), number, _json_reason(line, error)), on_reject)
            continue
        if not isinstance(row, dict):
            reason = f"expected a JSON object like {{...}}, found {_kind(row)}"
            _refuse(RowError(str(path), number, reason), on_reject)
            continue
        yield number, row


def read_groups(path: str | Path, on_reject: OnReject | None = None) -> Iterator[Group]:
    """Groups ``{"text", "synonyms": [...]}``; an optional ``source`` (default: the file's name)."""

    def parse(row: dict[str, Any], bad: Where) -> Group:
        score = _number(row, "score", bad) if row.get("score") is not None else None
        return Group(_text(row, "text", bad), _texts(row, "synonyms", bad), _source(row, path, bad), score)

    return (group for _, group in _typed(path, parse, on_reject))


def read_questions(path: str | Path, on_reject: OnReject | None = None) -> Iterator[Question]:
    """QA rows ``{"question", "answers": [...]}``; an optional ``source``.

    Rows of DuReader's shape also hold ``"documents": [{"paragraphs": [...]}]``, what search found for the
    question: each document is one more answer.
    """

    def parse(row: dict[str, Any], bad: Where) -> Question:
        answers = _texts(row, "answers", bad)
        found = row.get("documents", [])
        if not isinstance(found, list) or not all(isinstance(document, dict) for document in found):
            raise bad('the field "documents" must be a list of objects')
        answers += tuple("\n".join(_texts(document, "paragraphs", bad)) for document in found)
        return Question(_text(row, "question", bad), answers, _source(row, path, bad))

    return (question for _, question in _typed(path, parse, on_reject))


def read_documents(path: str | Path, on_reject: OnReject | None = None) -> Iterator[Document]:
    """Documents ``{"doc_id", "text"}`` or ``{"title", "paragraphs": [...]}`` (joined by newlines).

    QA rows are taken too, as documents of the question and its answers.
    ``doc_id`` defaults to ``<file name>:<line>``; ``title`` may be absent.
    """

    def parse(row: dict[str, Any], bad: Where) -> Document:
        if "text" in row:
            text = _text(row, "text", bad)
        elif "paragraphs" in row:
            title = (_text(row, "title", bad),) if "title" in row else ()
            text = "\n".join((*title, *_texts(row, "paragraphs", bad)))
        elif "answers" in row:
            text = "\n".join((_text(row, "question", bad), *_texts(row, "answers", bad)))
        else:
            raise bad('the field "text" (or "paragraphs") is missing')
        doc_id = _text(row, "doc_id", bad) if "doc_id" in row else ""
        return Document(doc_id, text, _source(row, path, bad))

    for number, document in _typed(path, parse, on_reject):
        if document.doc_id:
            yield document
        else:
            yield Document(f"{Path(path).name}:{number}", document.text, document.source)


def read_pairs(path: str | Path, on_reject: OnReject | None = None) -> Iterator[Pair]:
    """Pairs ``{"text_a", "text_b"}`` with an optional ``score`` (default 1.0) and ``source``."""

    def parse(row: dict[str, Any], bad: Where) -> Pair:
        score = _number(row, "score", bad) if "score" in row else 1.0
        return Pair(_text(row, "text_a", bad), _text(row, "text_b", bad), score, _source(row, path, bad))

    return (pair for _, pair in _typed(path, parse, on_reject))


def read_sts(path: str | Path, on_reject: OnReject | None = None) -> Iterator[StsRow]:
    """STS tables: a header ``text_a<TAB>text_b<TAB>label`` and one pair a line."""
    lines = read_lines(path, on_reject)
    for number, line in lines:
        if line.split("\t") != ["text_a", "text_b", "label"]:
            raise RowError(str(path), number, "expected the header text_a<TAB>text_b<TAB>label")
        break
    for number, line in lines:
        if not line.strip():
            continue
        cells = line.split("\t")
        try:
            if len(cells) != 3:
                raise RowError(str(path), number, f"expected 3 columns, found {len(cells)}")
            try:
                label = float(cells[2])
            except ValueError:
                raise RowError(str(path), number, f"the label {cells[2]!r} is not a number") from None
        except RowError as error:
            _refuse(error, on_reject)
            continue
        yield StsRow(cells[0], cells[1], label)


def read_texts(path: str | Path, on_reject: OnReject | None = None) -> Iterator[str]:
    """Plain text: one text a line, blank lines passed over."""
    return (line for _, line in read_lines(path, on_reject) if line.strip())


def _typed(
    path: str | Path, parse: Callable[[dict[str, Any], Where], Row], on_reject: OnReject | None
) -> Iterator[tuple[int, Row]]:
    for number, row in read_jsonl(path, on_reject):

        def bad(reason: str, number: int = number) -> RowError:
            return RowError(str(path), number, reason)

        try:
            parsed = parse(row, bad)
        except RowError as error:
            _refuse(error, on_reject)
            continue
        yield number, parsed


def _open(path: Path) -> BinaryIO:
    try:
        if path.suffix == ".gz":
            return cast(BinaryIO, gzip.open(path, "rb"))
        if path.suffix == ".xz":
            return cast(BinaryIO, lzma.open(path, "rb"))
        return path.open("rb")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error


def _refuse(error: RowError, on_reject: OnReject | None) -> None:
    if on_reject is None:
        raise error
    on_reject(error)


def _json_reason(line: str, error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        if error.pos >= len(line.rstrip()) or error.msg.startswith("Unterminated string"):
            return f"the line is cut off after {len(line)} characters; is the file complete?"
        return f"malformed JSON ({error.msg} at column {error.colno})"
    return "malformed JSON (nested too deeply)"


def _kind(value: object) -> str:
    names = {str: "a string", bool: "true/false", int: "a number", float: "a number", list: "a list"}
    return names.get(type(value), "an object" if isinstance(value, dict) else "null")


def _text(row: dict[str, Any], key: str, bad: Where) -> str:
    if key not in row:
        raise bad(f'the field "{key}" is missing')
    return _checked(row[key], key, bad)


def _texts(row: dict[str, Any], key: str, bad: Where) -> tuple[str, ...]:
    if key not in row:
        raise bad(f'the field "{key}" is missing')
    values = row[key]
    if not isinstance(values, list):
        raise bad(f'the field "{key}" must be a list of strings, found {_kind(values)}')
    return tuple(_checked(value, key, bad) for value in values)


def _checked(value: object, key: str, bad: Where) -> str:
    if not isinstance(value, str):
        raise bad(f'the field "{key}" must hold strings, found {_kind(value)}')
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        # JSON can spell half a surrogate pair (\ud83d); no UTF-8 file can hold it afterwards.
        raise bad(f'the field "{key}" holds a lone surrogate, which is no character')
    return value


def _number(row: dict[str, Any], key: str, bad: Where) -> float:
    value = row[key]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise bad(f'the field "{key}" must be a number, found {_kind(value)}')
    return float(value)


def _source(row: dict[str, Any], path: str | Path, bad: Where) -> str:
    if "source" in row:
        return _text(row, "source", bad)
    return Path(path).name.split(".")[0]
