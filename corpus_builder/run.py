"""What every command does around its miner: find the inputs, count, show progress, write, sum up."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from corpus_builder.readers import COMPRESSED, OnReject, RowError, find_inputs
from corpus_builder.writers import AtomicWriter

__all__ = ["OnError", "Progress", "Run", "find_inputs"]

Row = TypeVar("Row")


class OnError(StrEnum):
    """What to do with a row that cannot be used."""

    RAISE = "raise"
    SKIP = "skip"


@dataclass(slots=True)
class Run:
    """One run of a command: its output, its counts, its rejects.

    With ``on_error=skip`` the rows that could not be used go to ``<output>.rejects.jsonl``.
    """

    command: str
    inputs: list[Path]
    output: Path
    on_error: OnError
    settings: dict[str, Any]
    counts: Counter[str] = field(default_factory=Counter)
    rejects: list[dict[str, Any]] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    @property
    def on_reject(self) -> OnReject | None:
        """What the readers are given: None makes them raise."""
        return None if self.on_error is OnError.RAISE else self._reject

    def _reject(self, error: RowError) -> None:
        row = {"file": error.file, "line": error.line, "reason": error.reason}
        if row not in self.rejects[-1:]:
            self.rejects.append(row)

    def write(self, lines: Iterable[str | dict[str, Any]]) -> None:
        """Write all lines to the output, and the rejects beside it."""
        with AtomicWriter(self.output) as out:
            for line in lines:
                if isinstance(line, str):
                    out.write_line(line)
                else:
                    out.write_row(line)
            rejects = {(row["file"], row["line"], row["reason"]): row for row in self.rejects}
            if rejects:
                with AtomicWriter(self.rejects_path) as rejected:
                    for row in rejects.values():
                        rejected.write_row(row)
            else:
                self.rejects_path.unlink(missing_ok=True)
        self.counts["rows rejected"] = len(rejects)
        self.counts["rows written"] = out.rows

    @property
    def rejects_path(self) -> Path:
        """Where the rejected rows are listed."""
        name = self.output.name
        for ending in (*COMPRESSED, ".jsonl", ".txt"):
            name = name.removesuffix(ending)
        return self.output.with_name(f"{name}.rejects.jsonl")

    def summary(self) -> dict[str, Any]:
        """Inputs, settings, counts and time of the run."""
        return {
            "command": self.command,
            "inputs": [path.name for path in self.inputs],
            "output": self.output.name,
            "settings": self.settings,
            "counts": dict(self.counts),
            "seconds": round(time.monotonic() - self.started, 2),
        }

    def report(self, as_json: bool) -> None:
        """Print the summary to standard output."""
        summary = self.summary()
        if as_json:
            print(json.dumps(summary, ensure_ascii=False))
            return
        for name, count in self.counts.items():
            print(f"{count:>12,}  {name}")
        print(f"{summary['seconds']:>12,}  seconds; written to {self.output}")
        if self.rejects:
            print(f"{'':>12}  rejected rows are listed in {self.rejects_path}")


class Progress:
    """Rows read so far and their rate, on standard error; silent where that is no terminal."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._bar: Any = None

    def __enter__(self) -> Progress:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import Progress as Bar
            from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

            columns = (
                SpinnerColumn(),
                TextColumn("{task.description}"),
                TextColumn("{task.completed:,.0f} rows"),
                TextColumn("{task.speed:,.0f} rows/s"),
                TimeElapsedColumn(),
            )
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
        return self

    def track(self, rows: Iterable[Row], what: str) -> Iterator[Row]:
        """Pass the rows through, counted."""
        if self._bar is None:
            yield from rows
            return
        task = self._bar.add_task(f"{self._label}: {what}", total=None, speed=0)
        for row in rows:
            yield row
            self._bar.advance(task)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
