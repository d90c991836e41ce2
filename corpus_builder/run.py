"""What every command does around its miner: find the inputs, count, show progress, write, sum up."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from corpus_builder.readers import COMPRESSED, OnReject, RowError, find_inputs, read_rows
from corpus_builder.readers.files import reading_watched
from corpus_builder.readers.lines import Encoding
from corpus_builder.writers import AtomicWriter, ShardedWriter

Row = TypeVar("Row")

__all__ = ["OnError", "Progress", "Run", "find_inputs"]

ROWS_PER_SHARD = 1_000_000
DRY_ROWS, DRY_SAMPLES = 1000, 5
_FILE_ENDINGS = (".jsonl", ".txt")


class OnError(StrEnum):
    """What to do with a row that cannot be used."""

    RAISE = "raise"
    SKIP = "skip"


@dataclass(slots=True)
class Run:
    """One run of a command: what it reads, where it writes, what it counted and rejected.

    An output called ``.jsonl`` or ``.txt`` (also ``.gz``, ``.zst``, ``.xz``) is one file, with
    ``<output>.manifest.json`` beside it; any other name is a folder of shards with a ``manifest.json``. Rows
    that could not be used are listed in ``<output>.rejects.jsonl``, or ``rejects.jsonl`` in the folder.

    Attributes:
        command: Name of the command.
        inputs: Files, folders and globs.
        output: File or folder to write.
        settings: Everything the result depends on besides the inputs, for the manifest.
        on_error: What to do with a row that cannot be used.
        encoding, fields: See :func:`corpus_builder.readers.read_rows`.
        seed: Of everything random; None where nothing is.
        rows_per_shard: Most rows of a shard.
        dry_run: Only the first rows are read, and nothing is written.
        samples: Of a dry run, the first rows that would be written.
    """

    command: str
    inputs: Iterable[str | Path]
    output: Path
    settings: dict[str, Any]
    on_error: OnError = OnError.RAISE
    encoding: Encoding = "utf-8"
    fields: Mapping[str, str] = field(default_factory=dict)
    seed: int | None = None
    rows_per_shard: int = ROWS_PER_SHARD
    dry_run: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    rejects: dict[tuple[str, int, str], None] = field(default_factory=dict)
    samples: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.inputs = find_inputs(self.inputs)
        self.output = Path(self.output)
        self.on_error = OnError(self.on_error)

    @property
    def paths(self) -> list[Path]:
        """The input files, in order."""
        return list(map(Path, self.inputs))

    @property
    def is_folder(self) -> bool:
        """Whether the output is a folder of shards."""
        name = self.output.name
        for ending in COMPRESSED:
            name = name.removesuffix(ending)
        return not name.endswith(_FILE_ENDINGS)

    @property
    def work_folder(self) -> Path:
        """Where a run that can be resumed keeps its finished pieces."""
        return self.output.with_name(f".{self.output.name}.unfinished")

    @property
    def on_reject(self) -> OnReject | None:
        """What the readers are given: None makes them raise."""
        return None if self.on_error is OnError.RAISE else self._reject

    def _reject(self, error: RowError) -> None:
        self.rejects[error.file, error.line, error.reason] = None

    def rows(self, shape: str) -> Iterator[Any]:
        """All rows of the inputs, typed."""
        found = read_rows(
            self.paths,
            shape,
            on_reject=self.on_reject,
            fields=dict(self.fields) or None,
            encoding=self.encoding,
        )
        return self.first(row for _, _, row in found)

    def first(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows, or of a dry run the first of them."""
        return islice(rows, DRY_ROWS) if self.dry_run else iter(rows)

    def identity(self) -> dict[str, Any]:
        """What finished pieces depend on: the command, how the inputs are read, their size and time."""
        stamps = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in self.paths]
        return {
            "command": self.command,
            "inputs": stamps,
            "encoding": self.encoding,
            "fields": dict(self.fields),
            "on_error": self.on_error.value,
        }

    def write(self, lines: Iterable[str | dict[str, Any]]) -> None:
        """Write all lines, the rejects and the manifest; remove what was kept for resuming."""
        if self.dry_run:
            for line in lines:
                self.counts[f"rows mined from the first {DRY_ROWS:,}"] += 1
                if len(self.samples) < DRY_SAMPLES:
                    shown = line if isinstance(line, str) else json.dumps(line, ensure_ascii=False)
                    self.samples.append(shown)
            return
        if self.is_folder:
            with ShardedWriter(self.output, self.command, rows_per_shard=self.rows_per_shard) as shards:
                self._write_lines(shards, lines)
                self._write_rejects(shards.rows)
                shards.commit(self._manifest())
        else:
            with AtomicWriter(self.output) as out:
                self._write_lines(out, lines)
                self._write_rejects(out.rows)
            self._write_manifest_of_file(out)
        shutil.rmtree(self.work_folder, ignore_errors=True)

    @staticmethod
    def _write_lines(out: AtomicWriter | ShardedWriter, lines: Iterable[str | dict[str, Any]]) -> None:
        for line in lines:
            if isinstance(line, str):
                out.write_line(line)
            else:
                out.write_row(line)

    def _write_rejects(self, rows: int) -> None:
        if self.rejects:
            with AtomicWriter(self.rejects_path) as rejected:
                for file, line, reason in self.rejects:
                    rejected.write_row({"file": file, "line": line, "reason": reason})
        else:
            self.rejects_path.unlink(missing_ok=True)
        self.counts["rows rejected"] = len(self.rejects)
        self.counts["rows written"] = rows

    def _manifest(self) -> Any:
        from corpus_builder.manifest import Manifest, describe_inputs, steps

        return Manifest(
            command=self.command,
            settings=self.settings,
            seed=self.seed,
            inputs=describe_inputs(self.paths),
            counts=steps(self.counts),
        )

    def _write_manifest_of_file(self, out: AtomicWriter) -> None:
        from corpus_builder.manifest import Shard

        shard = Shard(
            file=self.output.name, rows=out.rows, bytes=self.output.stat().st_size, sha256=out.sha256
        )
        manifest = self._manifest().model_copy(update={"shards": (shard,)})
        with AtomicWriter(self.output.with_name(f"{self.output.name}.manifest.json")) as file:
            file.write_line(manifest.model_dump_json(indent=2))

    @property
    def rejects_path(self) -> Path:
        """Where the rejected rows are listed."""
        if self.is_folder:
            return self.output / "rejects.jsonl"
        name = self.output.name
        for ending in (*COMPRESSED, *_FILE_ENDINGS):
            name = name.removesuffix(ending)
        return self.output.with_name(f"{name}.rejects.jsonl")

    def summary(self) -> dict[str, Any]:
        """Inputs, settings, counts and time of the run."""
        return {
            "command": self.command,
            "inputs": [path.name for path in self.paths],
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
        print(*self.samples, sep="\n", end="\n" if self.samples else "")
        for name, count in self.counts.items():
            print(f"{count:>12,}  {name}")
        done = "dry run, nothing was written" if self.dry_run else f"written to {self.output}"
        print(f"{summary['seconds']:>12,}  seconds; {done}")
        if self.rejects:
            print(f"{'':>12}  rejected rows are listed in {self.rejects_path}")


class Progress:
    """How much is done, how fast, and how long it will take, on standard error; silent if no terminal."""

    def __init__(self, label: str, unit: str = "rows") -> None:
        self._label, self._unit = label, unit
        self._bar: Any = None
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> Progress:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                SpinnerColumn,
                TextColumn,
                TimeElapsedColumn,
                TimeRemainingColumn,
            )
            from rich.progress import Progress as Bar

            columns = (
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(20),
                _amount_column(),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
            )
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
        return self

    def advance(self, step: str, amount: int = 1, total: int | None = None) -> None:
        """Count ``amount`` more at a step; the time that remains is shown where the ``total`` is known."""
        self._advance(step, amount, total, self._unit)

    def _advance(self, step: str, amount: float, total: float | None, unit: str) -> None:
        if self._bar is not None:
            if step not in self._tasks:
                self._tasks[step] = self._bar.add_task(f"{self._label}: {step}", total=total, unit=unit)
            self._bar.advance(self._tasks[step], amount)

    @contextmanager
    def reading(self, paths: Iterable[Path]) -> Iterator[None]:
        """Show how much of the inputs was read; work is at most a few pieces behind."""
        total = sum(path.stat().st_size for path in paths) / 1e6
        with reading_watched(lambda count: self._advance("reading", count / 1e6, total, "MB")):
            yield

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()


def _amount_column() -> Any:
    from rich.progress import ProgressColumn, Task
    from rich.text import Text

    class Amount(ProgressColumn):
        def render(self, task: Task) -> Text:
            unit = task.fields["unit"]
            total = "" if task.total is None else f" of {task.total:,.0f}"
            speed = "" if task.speed is None else f", {task.speed:,.0f} {unit}/s"
            return Text(f"{task.completed:,.0f}{total} {unit}{speed}")

    return Amount()
