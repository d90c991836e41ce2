"""Tables with a header: tab-separated, and comma-separated with quotes."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from corpus_builder.readers.errors import RowError
from corpus_builder.readers.fields import listed
from corpus_builder.readers.files import Format
from corpus_builder.readers.lines import Encoding, decoded_lines

# A quote that nobody closes would swallow the rest of the file.
_MAX_ROW_CHARACTERS = 8 * 2**20


def table_rows(
    path: Path, form: Format, encoding: Encoding
) -> Iterator[tuple[int, dict[str, str] | RowError]]:
    """Yield ``(line number, {column: cell})``; first of all the header, every column as its own cell.

    TSV has no quotes, as STS tables have none: a line is a row and ``"`` is a character. CSV is quoted as
    RFC 4180 says, ``"他说""好""。"``, and a quoted cell may hold line ends; a row is numbered by its first
    line. Empty lines are passed over.

    Raises:
        RowError: the header is unusable.
    """
    rows = (_tsv if form is Format.TSV else _csv)(path, encoding)
    header: list[str] | None = None
    for number, cells in rows:
        if isinstance(cells, RowError):
            yield number, cells
        elif header is None:
            header = _header(path, number, cells)
            yield number, dict(zip(header, header, strict=True))
        elif len(cells) != len(header):
            reason = f"expected {len(header)} columns, found {len(cells)}"
            yield number, RowError(str(path), number, reason)
        else:
            yield number, dict(zip(header, cells, strict=True))


def _header(path: Path, number: int, cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise RowError(str(path), number, f"the header names a column twice: {listed(twice)}")
    return names


def _tsv(path: Path, encoding: Encoding) -> Iterator[tuple[int, list[str] | RowError]]:
    for number, line in decoded_lines(path, encoding):
        if isinstance(line, RowError):
            yield number, line
        elif line.strip():
            yield number, line.rstrip("\r").split("\t")


class _RowLines:
    """The lines of a file as the csv module wants them; knows where the row began that it is reading."""

    def __init__(self, path: Path, encoding: Encoding) -> None:
        self._path = path
        self._lines = decoded_lines(path, encoding)
        self.begin_row()

    def begin_row(self) -> None:
        self.first = 0
        self._length = 0

    def __iter__(self) -> _RowLines:
        return self

    def __next__(self) -> str:
        number, line = next(self._lines)
        self.first = self.first or number
        if isinstance(line, RowError):
            raise line
        self._length += len(line) + 1
        if self._length > _MAX_ROW_CHARACTERS:
            limit = _MAX_ROW_CHARACTERS // 2**20
            reason = f"the row is longer than {limit} million characters; is a quote never closed?"
            raise RowError(str(self._path), self.first, reason)
        return line + "\n"


def _csv(path: Path, encoding: Encoding) -> Iterator[tuple[int, list[str] | RowError]]:
    # The module's limit is one for the whole process: it is only ever raised.
    csv.field_size_limit(max(csv.field_size_limit(), _MAX_ROW_CHARACTERS + 1))
    lines = _RowLines(path, encoding)
    reader = csv.reader(lines, strict=True)
    while True:
        lines.begin_row()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except RowError as error:
            yield error.line, error
            continue
        except csv.Error as error:
            reason = f"malformed CSV ({error})"
            if "unexpected end of data" in str(error):
                reason = "malformed CSV (a quote is not closed before the end of the file)"
            yield lines.first, RowError(str(path), lines.first, reason)
            continue
        if cells:
            yield lines.first, cells
