"""How a row and its variants are written: JSON lines, CSV, TSV or plain text; grouped or one a row."""

from __future__ import annotations

import csv
import gzip
import io
import json
import lzma
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus_builder.errors import InputError
from corpus_builder.readers import Format, format_of
from corpus_builder.readers.errors import BadRow
from corpus_builder.readers.fields import listed
from corpus_builder.writers.part_file import json_line
from roformer_sim.generation.augment.rows import InputRow

if TYPE_CHECKING:
    from roformer_sim.generation.synonyms import Synonym

_BREAKS = re.compile(r"[\t\r\n]")
_DECIMALS = 4
# As the writers of corpus_builder have them; they decide the bytes that come out.
_GZIP_LEVEL, _XZ_PRESET, _ZSTD_LEVEL = 6, 6, 3


def output_format(path: Path) -> Format:
    """The format that the output's ending names.

    Raises:
        InputError: It names none that is written here.
    """
    form = format_of(path)
    if form is None or form is Format.PARQUET:
        endings = ".jsonl, .csv, .tsv or .txt, and .gz, .xz or .zst behind it"
        raise InputError(f"{path}: the ending says how to write it: {endings}")
    return form


@dataclass(frozen=True)
class Layout:
    """What is written for a row.

    ========== =============================================== ==============================================
    format     grouped: a row of output for each row of input  ``explode``: a row of output for each variant
    ========== =============================================== ==============================================
    JSON lines its fields, ``"synonyms": [...]``               its fields, ``"synonym"``, ``"score"``
    CSV, TSV   its columns, ``synonyms`` as a JSON list        its columns, ``synonym``, ``score``
    plain text the text and the variants, tabs between them    the variant
    ========== =============================================== ==============================================

    The grouped tables and JSON lines are question groups: ``corpus_builder.readers.read_groups`` and the
    recipes read them.

    Attributes:
        form: The format.
        column: Where the text stands.
        explode: See above.
        scores: Grouped rows also get ``scores``, cosines with four decimals.
    """

    form: Format
    column: str = "text"
    explode: bool = False
    scores: bool = False

    def __post_init__(self) -> None:
        if self.scores and self.form is Format.TEXT:
            raise InputError("plain text has no place for scores; write .jsonl, .csv or .tsv")

    @property
    def added(self) -> tuple[str, ...]:
        """Columns that stand behind those of the input."""
        if self.form is Format.TEXT:
            return ()
        if self.explode:
            return ("synonym", "score")
        return ("synonyms", "scores") if self.scores else ("synonyms",)

    @property
    def is_table(self) -> bool:
        """Whether there is a header, so that all columns must be known before the first row."""
        return self.form in (Format.CSV, Format.TSV)

    def header(self, columns: Sequence[str]) -> bytes:
        """The first line of a table; nothing for other formats."""
        return self._table_row([*columns, *self.added]) if self.is_table else b""

    def check(self, row: InputRow) -> None:
        """Raise :class:`BadRow` for a row that the format cannot hold."""
        if self.form is Format.TSV:
            for name, value in row.columns.items():
                if _BREAKS.search(name) or _BREAKS.search(_cell(value)):
                    raise BadRow(f'the column "{name}" holds a tab or a line end, as TSV cannot; write .csv')
        elif self.form is Format.TEXT and not self.explode and _BREAKS.search(row.text):
            raise BadRow("the text holds a tab or a line end, which plain text needs; write .jsonl or .csv")

    def lines(self, row: InputRow, synonyms: Sequence[Synonym], columns: Sequence[str]) -> Iterator[bytes]:
        """What is written for one row of input; of tables, in the order of ``columns``."""
        scores = [round(float(synonym.score), _DECIMALS) for synonym in synonyms]
        texts = [synonym.text for synonym in synonyms]
        if self.form is Format.TEXT:
            plain = [_BREAKS.sub(" ", text) for text in texts]
            rows = plain if self.explode else ["\t".join([row.text, *plain])]
            yield from (line.encode() + b"\n" for line in rows)
            return
        values: list[tuple[Any, ...]] = [(texts, scores)]
        if self.explode:
            values = list(zip(texts, scores, strict=True))
        for value in values:
            added = dict(zip(self.added, value, strict=False))
            if self.is_table:
                cells = [row.columns.get(name) for name in columns]
                yield self._table_row([*map(_cell, cells), *map(_cell, added.values())])
            else:
                yield json_line({**row.columns, **added}) + b"\n"

    def _table_row(self, cells: Sequence[str]) -> bytes:
        if self.form is Format.TSV:
            return "\t".join(_BREAKS.sub(" ", cell) for cell in cells).encode() + b"\n"
        buffer = io.StringIO()
        # Told that rows end so, the module quotes both characters within cells, in all versions of Python.
        csv.writer(buffer, lineterminator="\r\n").writerow(cells)
        return buffer.getvalue()[:-2].encode() + b"\n"

    def check_header(self, columns: Sequence[str], path: Path) -> None:
        """Raise where the columns of all rows together are no header."""
        stripped = [name.strip() for name in columns]
        twice = sorted({name for name in stripped if stripped.count(name) > 1})
        if twice:
            raise InputError(
                f"{path}: as a table it would have a column twice: {listed(twice)}; write .jsonl"
            )


def _cell(value: Any) -> str:
    """A value in a table's cell: text as it is, null as nothing, everything else as JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def compressed(data: bytes, ending: str) -> bytes:
    """A block of the file, complete in itself: readers take several of them, one behind the other, as one.

    Args:
        ending: ``.gz``, ``.xz`` or ``.zst``; with any other the bytes stay as they are.
    """
    if ending == ".gz":
        return gzip.compress(data, _GZIP_LEVEL, mtime=0)
    if ending == ".xz":
        return lzma.compress(data, preset=_XZ_PRESET)
    if ending == ".zst":
        from backports import zstd

        return zstd.compress(data, _ZSTD_LEVEL)
    return data
