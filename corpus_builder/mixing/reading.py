"""The first step: every input is read once, checked, and its rows put aside as they will leave."""

from __future__ import annotations

import json
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from corpus_builder.errors import InputError
from corpus_builder.exclusion import Exclusion
from corpus_builder.mixing.blocks import BlockWriter, read_blocks
from corpus_builder.mixing.plan import Kind
from corpus_builder.mixing.rows import MIXED, MixRow
from corpus_builder.readers import RowError, read_rows
from corpus_builder.run import Run
from corpus_builder.writers import AtomicWriter

NOT_TWO_TEXTS, EXCLUDED = "a blank text, or no second one", "in a benchmark"

_TELL_EVERY = 4096


class OnProgress(Protocol):
    """Is told of each step how many rows more are done, and of how many (None: not known yet)."""

    def __call__(self, step: str, amount: int, total: int | None = None, /) -> None: ...


@dataclass(slots=True)
class RowFile:
    """The rows of one input that are fit to be mixed, as lines of JSON in a temporary file.

    Attributes:
        path: Of the temporary file; None if the rows were counted only.
        rows, size: How many lines, and their length.
        counts: Of the rows read and dropped.
        rejects: Rows that could not be used: file, line, reason.
    """

    path: Path | None
    rows: int = 0
    size: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    rejects: list[tuple[str, int, str]] = field(default_factory=list)

    def blocks(self) -> Iterator[list[bytes]]:
        """The lines in order, some at a time."""
        assert self.path is not None
        return read_blocks(self.path)


class InputReader:
    """Reads the inputs of a run, each into a file of its own.

    Args:
        run: How the inputs are read and what becomes of rows that cannot be used.
        exclusion: Rows with one of these texts are dropped.
        on_progress: Is told of every few thousand rows.
    """

    def __init__(self, run: Run, exclusion: Exclusion, on_progress: OnProgress) -> None:
        self._run = run
        self._exclusion = exclusion
        self._on_progress = on_progress

    def read(self, path: Path, kind: Kind, place: Path | None, identity: Any) -> RowFile:
        """Read one input into ``place``, or take what an earlier run that was killed left there.

        A file counts as complete once the ``.json`` beside it is there.

        Args:
            path: The input.
            kind: What its rows are.
            place: The temporary file; None counts only.
            identity: JSON of all that the rows depend on; None: what is there is never taken.

        Raises:
            RowError: a row cannot be used, and is not to be skipped.
            InputError: see :func:`corpus_builder.readers.read_rows`.
        """
        if place is None:
            found = self._read(path, kind, None)
        else:
            summary = place.with_suffix(".json")
            earlier = _earlier(place, summary, identity)
            if earlier is None:
                summary.unlink(missing_ok=True)
                found = self._read(path, kind, place)
                _save(found, summary, identity)
            else:
                found = earlier
                self._on_progress("reading", found.rows)
        for reject in found.rejects:
            self._run.rejects[reject] = None
        self._run.counts.update(found.counts)
        return found

    def _read(self, path: Path, kind: Kind, place: Path | None) -> RowFile:
        result = RowFile(place)
        dropped = {NOT_TWO_TEXTS: 0, EXCLUDED: 0}
        read = told = 0
        with BlockWriter(place) as out:
            for read, row in enumerate(self._rows(path, result), 1):
                if reason := self._unfit(row):
                    dropped[reason] += 1
                else:
                    out.write(row.line(kind))
                if read - told == _TELL_EVERY:
                    self._on_progress("reading", _TELL_EVERY)
                    told = read
        self._on_progress("reading", read - told)
        result.rows, result.size = out.rows, out.bytes
        result.counts[f"{kind} rows read"] = read
        for reason, count in dropped.items():
            result.counts[f"{kind} rows dropped: {reason}"] = count
        return result

    def _rows(self, path: Path, result: RowFile) -> Iterable[MixRow]:
        def reject(error: RowError) -> None:
            result.rejects.append((error.file, error.line, error.reason))

        found = read_rows(
            [path],
            MIXED,
            on_reject=reject if self._run.on_reject else None,
            fields=dict(self._run.fields) or None,
            encoding=self._run.encoding,
        )
        return (row for _, _, row in found)

    def _unfit(self, row: MixRow) -> str:
        if not row.trainable:
            return NOT_TWO_TEXTS
        if len(self._exclusion) and any(text in self._exclusion for text in (row.text, *row.synonyms)):
            return EXCLUDED
        return ""


def stamp(path: Path) -> list[Any] | None:
    """What changes when a file does: path, size, time; None for a pipe, which cannot be read again.

    Raises:
        InputError: the file is not there any more.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    return [str(path), status.st_size, status.st_mtime_ns] if stat.S_ISREG(status.st_mode) else None


def _earlier(place: Path, summary: Path, identity: Any) -> RowFile | None:
    if identity is None or not summary.exists():
        return None
    found = json.loads(summary.read_bytes())
    if found["identity"] != json.loads(json.dumps(identity)):
        return None
    rejects = [(file, line, reason) for file, line, reason in found["rejects"]]
    return RowFile(place, found["rows"], found["size"], Counter(found["counts"]), rejects)


def _save(found: RowFile, summary: Path, identity: Any) -> None:
    with AtomicWriter(summary) as out:
        out.write_row(
            {
                "identity": identity,
                "rows": found.rows,
                "size": found.size,
                "counts": found.counts,
                "rejects": found.rejects,
            }
        )
