"""Sentences with ids from files: JSON lines, CSV, TSV, plain text, Parquet, compressed or not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from corpus_builder.errors import InputError
from corpus_builder.readers import find_inputs
from corpus_builder.readers.lines import Encoding
from corpus_builder.readers.typed import read_objects
from roformer_sim.search.building import IndexRow


def read_index_rows(
    inputs: Iterable[str | Path],
    *,
    column: str = "text",
    id_column: str | None = None,
    encoding: Encoding = "utf-8",
) -> Iterator[IndexRow]:
    """The rows of files, in order; nothing but the row at hand is held in memory.

    Args:
        inputs: Files, folders and globs. A line of plain text is the field ``text``; blank ones do not count.
        column: The field or column that holds the sentence.
        id_column: The one that holds the id, a string or a whole number; ``None`` numbers the rows.

    Raises:
        InputError: A file that cannot be read, a row without the column, an empty sentence.
    """
    for path in find_inputs(inputs):
        for number, row in read_objects(path, encoding=encoding):
            where = f"{path}, line {number}"
            text = _field(row, column, where)
            if not isinstance(text, str) or not text.strip():
                what = "is empty" if isinstance(text, str) else "is no string"
                raise InputError(f"{where}: {column} {what}")
            yield IndexRow(text, None if id_column is None else _id(row, id_column, where), where)


def _field(row: dict[str, Any], name: str, where: str) -> Any:
    if name not in row:
        raise InputError(f"{where}: there is no {name!r}; the row has {', '.join(row) or 'nothing'}")
    return row[name]


def _id(row: dict[str, Any], name: str, where: str) -> str:
    value = _field(row, name, where)
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        raise InputError(f"{where}: {name} is {value!r}; an id is a string or a whole number")
    return str(value)
