"""``metrics.csv``: a line for each interval of a run, without lost or doubled lines when it is resumed."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from corpus_builder.errors import InputError
from roformer_sim.training.watching.metric_names import COLUMNS
from roformer_sim.training.watching.replaced_file import replace_file

METRICS = "metrics.csv"

Row = dict[str, float]

_WHOLE = {"step", "epoch", "tokens"}


class MetricsFile:
    """Appends rows to a CSV file; every row is on disk when :meth:`append` returns.

    On opening, lines after ``resume_step`` are cut off (the run does those steps again), and so is a last
    line that was never finished. A column that is new makes the file be written anew beside its place
    and renamed; earlier rows have an empty cell there.

    Args:
        path: The file.
        resume_step: Steps that the checkpoint to go on from has done; 0 begins a new file.

    Raises:
        InputError: The file cannot be read or written, or is not one of these.
    """

    def __init__(self, path: str | Path, resume_step: int = 0) -> None:
        self.path = Path(path)
        self.rows: list[Row] = []
        if resume_step and self.path.exists():
            self.rows = [row for row in read_metrics(self.path) if row["step"] <= resume_step]
        self.columns = _columns(self.rows)
        self._write_all()

    def append(self, row: Mapping[str, float]) -> None:
        """Add a row; a value that is ``None`` or missing leaves its cell empty.

        Raises:
            InputError: The file cannot be written.
        """
        values = {name: value for name, value in row.items() if value is not None}
        self.rows.append(values)
        new = [name for name in values if name not in self.columns]
        if new:
            self.columns += new
            self._write_all()
            return
        try:
            with self.path.open("a", encoding="utf-8", newline="") as file:
                file.write(_line(_cells(values, self.columns)))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise InputError(f"{self.path}: cannot be written: {error.strerror or error}") from error

    def _write_all(self) -> None:
        lines = [self.columns, *(_cells(row, self.columns) for row in self.rows)]
        replace_file(self.path, "".join(map(_line, lines)).encode("utf-8"))


def read_metrics(path: str | Path) -> list[Row]:
    """Rows of a ``metrics.csv``; empty cells are left out, and so is a last line without its end.

    Raises:
        InputError: Unreadable, no column ``step``, or a line that does not fit the header (named).
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    if not text.endswith("\n"):
        text = text[: text.rfind("\n") + 1]
    lines = list(csv.reader(io.StringIO(text)))
    if not lines or "step" not in lines[0]:
        raise InputError(f"{path}: line 1: is no header with a column step; move the file away")
    return [_row(path, number, lines[0], cells) for number, cells in enumerate(lines[1:], 2)]


def _row(path: Path, number: int, columns: list[str], cells: list[str]) -> Row:
    if len(cells) != len(columns):
        raise InputError(f"{path}: line {number}: {len(cells)} cells under {len(columns)} columns")
    try:
        row = {name: float(cell) for name, cell in zip(columns, cells, strict=True) if cell}
    except ValueError as error:
        raise InputError(f"{path}: line {number}: {error}") from None
    if not math.isfinite(row.get("step", math.nan)):
        raise InputError(f"{path}: line {number}: no step")
    return row


def _columns(rows: Iterable[Row]) -> list[str]:
    return list(dict.fromkeys([*COLUMNS, *(name for row in rows for name in row)]))


def _cells(row: Mapping[str, float], columns: Iterable[str]) -> list[str]:
    return ["" if name not in row else _shown(name, row[name]) for name in columns]


def _shown(name: str, value: float) -> str:
    if name in _WHOLE and float(value).is_integer():
        return str(int(value))
    return f"{value:.7g}"


def _line(cells: Iterable[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()
