"""The rows of the input files: the text that variants are made of, and all columns beside it."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from corpus_builder.errors import InputError
from corpus_builder.readers import Encoding, Format, RowError, format_of
from corpus_builder.readers.errors import BadRow
from corpus_builder.readers.fields import listed, text
from corpus_builder.readers.json_lines import json_objects
from corpus_builder.readers.lines import decoded_lines
from corpus_builder.readers.tables import table_rows


class InputRow(NamedTuple):
    """A row and where it stands; ``columns`` are all of them, the text's among them."""

    file: str
    line: int
    text: str
    columns: dict[str, Any]

    def error(self, reason: str) -> RowError:
        """The complaint about this row."""
        return RowError(self.file, self.line, reason)


class Source(NamedTuple):
    """Files to be read one after the other, each as its ending says: JSON lines, CSV, TSV, else plain text.

    Attributes:
        paths: Also ``.gz``, ``.xz``, ``.zst``.
        column: Where the text stands. A line of plain text is a row of this column alone.
        jsonl: All files are JSON lines, whatever they are called.
        encoding: See :func:`corpus_builder.readers.read_lines`.
        reserved: Columns that the output adds, which the input must not have.
    """

    paths: tuple[Path, ...]
    column: str = "text"
    jsonl: bool = False
    encoding: Encoding = "utf-8"
    reserved: tuple[str, ...] = ()

    def rows(
        self, on_columns: Callable[[Iterable[str]], None] = lambda names: None
    ) -> Iterator[InputRow | RowError]:
        """All rows in order; in the place of one that cannot be used, what is wrong with it.

        Args:
            on_columns: Told the columns of each table, and the fields of each row of other formats.

        Raises:
            RowError: A whole file cannot be used: it is missing or empty, or a table lacks the column.
        """
        for path in self.paths:
            for number, row in self._raw_rows(path, on_columns):
                if isinstance(row, RowError):
                    if row.line == 0:  # not a row of the file: the file
                        raise row
                    yield row
                    continue
                try:
                    found = InputRow(str(path), number, self._checked(row), row)
                except BadRow as bad:
                    yield RowError(str(path), number, str(bad))
                else:
                    on_columns(row)
                    yield found

    def format_of(self, path: Path) -> Format:
        """How a file is read.

        Raises:
            InputError: It is Parquet.
        """
        form = Format.JSONL if self.jsonl else format_of(path) or Format.TEXT
        if form is Format.PARQUET:
            raise InputError(f"{path}: Parquet is not read here; give JSON lines, CSV, TSV or plain text")
        return form

    def _raw_rows(
        self, path: Path, on_columns: Callable[[Iterable[str]], None]
    ) -> Iterator[tuple[int, dict[str, Any] | RowError]]:
        form = self.format_of(path)
        if form is Format.JSONL:
            yield from json_objects(path, self.encoding)
        elif form is Format.TEXT:
            for number, line in decoded_lines(path, self.encoding):
                yield number, line if isinstance(line, RowError) else {self.column: line.rstrip("\r")}
        else:
            rows = table_rows(path, form, self.encoding)
            on_columns(self._header(path, *next(rows, (0, {}))))
            yield from rows

    def _header(self, path: Path, number: int, header: dict[str, str] | RowError) -> dict[str, str]:
        if isinstance(header, RowError):  # the row behind it must not be taken for the header
            raise header
        if self.column not in header:
            reason = f'the column "{self.column}" is missing; the file has: {listed(header)} (see --column)'
            raise RowError(str(path), number, reason)
        for name in self.reserved:
            if name in header:
                raise RowError(str(path), number, _taken(name))
        return header

    def _checked(self, row: dict[str, Any]) -> str:
        found = text(row, self.column)
        if not found.strip():
            raise BadRow("the text is empty")
        for name in self.reserved:
            if name in row:
                raise BadRow(_taken(name))
        for name, value in row.items():
            if type(value) is not str and _lost_digits(value):
                raise BadRow(
                    f'the field "{name}" holds a number that would lose digits; write it as a string'
                )
        try:
            # What it takes can be written again, and it is quick.
            orjson.dumps(row)
        except (orjson.JSONEncodeError, TypeError):
            _check_writable(row)
        return found

    def stamps(self) -> list[dict[str, Any]]:
        """Size and content of each file, to know it again.

        Raises:
            InputError: One cannot be read, or is no ordinary file, which can be read twice.
        """
        return [_stamp(path) for path in self.paths]


def _taken(name: str) -> str:
    return f'there is a column "{name}" already, which the output adds; rename it'


def _lost_digits(value: object) -> bool:
    """Whether there is a number in it that was read as a float because it fits into no integer of 64 bits."""
    if isinstance(value, float):
        return math.isinf(value) or (value.is_integer() and abs(value) >= 2**63)
    if isinstance(value, dict):
        return any(map(_lost_digits, value.values()))
    return isinstance(value, list) and any(map(_lost_digits, value))


def _check_writable(row: dict[str, Any]) -> None:
    """Refuse what JSON can spell and nobody can write, such as half a surrogate pair."""
    for key, value in row.items():
        try:
            json.dumps({key: value}, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise BadRow(f'the field "{key!a:.40}" holds a lone surrogate, which is no character') from None
        except (ValueError, RecursionError) as error:
            raise BadRow(f'the field "{key}" cannot be written again ({error})') from None


def _stamp(path: Path) -> dict[str, Any]:
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{path}: is no ordinary file; one that can be read again is needed")
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return {"bytes": os.fstat(file.fileno()).st_size, "sha256": digest}
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
