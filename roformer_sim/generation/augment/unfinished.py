"""An output that grows block by block and outlives the process: what is done is kept, to the byte.

Until ``out.jsonl`` is finished, ``out.jsonl.partial`` has the blocks so far, beside it stand
``out.jsonl.partial.rejects`` and ``out.jsonl.partial.state``. A block counts from the moment the state says
so: the files are on the disk first, then the state takes its predecessor's place in one step. What stands
behind the lengths of the state was being written when the process ended, and is cut off by the next one.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from corpus_builder.errors import InputError
from corpus_builder.readers.files import COMPRESSED
from corpus_builder.writers.part_file import complaint, sync_folder

FORMAT = "roformer-sim-augment-1"
_TEXT_ENDINGS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt")


@dataclass
class State:
    """How far a run has come.

    Attributes:
        settings: Everything the output depends on, inputs included.
        columns: Of the rows of input, in the order of a table's header.
        rows: Of the input, bad ones included.
        rows_done: How many of them are in the output or among the rejects.
        output_bytes, rejects_bytes: Lengths of the files that belong to them.
        counts: For the summary.
        finished: All is written; only the names are to be put right.
    """

    settings: dict[str, Any]
    columns: list[str]
    rows: int
    rows_done: int = 0
    output_bytes: int = 0
    rejects_bytes: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    finished: bool = False


class UnfinishedOutput:
    """The files of a run and the lock on them; see the module.

    Args:
        output: The name it will have.

    Raises:
        InputError: Another process writes it now, the place cannot be written, or what is there is no
            unfinished output.
    """

    def __init__(self, output: Path) -> None:
        self.output = output
        self.partial = output.with_name(f"{output.name}.partial")
        self.rejects_partial = output.with_name(f"{output.name}.partial.rejects")
        self.state_path = output.with_name(f"{output.name}.partial.state")
        name = output.name
        for ending in (*COMPRESSED, *_TEXT_ENDINGS):
            name = name.removesuffix(ending)
        self.rejects = output.with_name(f"{name}.rejects.jsonl")
        self.state: State | None = None
        self._file: BinaryIO | None = None
        self._rejects_file: BinaryIO | None = None

    @property
    def names(self) -> tuple[Path, ...]:
        """Every file that is written at some time."""
        return self.output, self.rejects, self.partial, self.rejects_partial, self.state_path

    def open(self, *, restart: bool = False) -> None:
        """Lock the files and read the state of the run that was here before, if one was.

        Args:
            restart: Throw away what it did.
        """
        try:
            self.output.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._locked()
            if restart:
                self.state_path.unlink(missing_ok=True)
                self.rejects_partial.unlink(missing_ok=True)
                self._file.truncate(0)
            self.state = self._read_state()
        except OSError as error:
            raise complaint(self.output, error) from error

    def _locked(self) -> BinaryIO:
        """The partial file, ours alone until it is closed; the system lets go of it when the process dies."""
        while True:
            # Not truncated: before the lock it may be another's.
            file = os.fdopen(os.open(self.partial, os.O_RDWR | os.O_CREAT, 0o666), "r+b")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # In between another run may have ended, and this file be its finished output.
                if self.partial.exists() and os.path.samestat(os.fstat(file.fileno()), self.partial.stat()):
                    return file
            except BlockingIOError:
                file.close()
                raise InputError(
                    f"{self.output}: another run is writing it now; wait until it ends"
                ) from None
            file.close()

    def begin(self, state: State) -> None:
        """The state of a new run, before anything is written."""
        self._store(state)
        # From here on the partial file is never seen without its state.
        sync_folder(self.output.parent)

    def resume(self) -> None:
        """Cut off what was being written when the process before this one ended.

        Raises:
            InputError: The files are shorter than the state says.
        """
        assert self._file is not None and self.state is not None
        try:
            self._cut(self._file, self.partial, self.state.output_bytes)
            if self.state.rejects_bytes or self.rejects_partial.exists():
                self._cut(self._open_rejects(), self.rejects_partial, self.state.rejects_bytes)
        except OSError as error:
            raise complaint(self.output, error) from error

    def commit(self, data: bytes, rejects: bytes, state: State) -> None:
        """Append a block; when this returns it will be there after a power failure too.

        Args:
            state: After the block; its lengths are filled in.

        Raises:
            InputError: The disk is full or failed. The blocks before are kept.
        """
        assert self._file is not None
        try:
            if data:
                _append(self._file, data)
            if rejects:
                _append(self._open_rejects(), rejects)
        except OSError as error:
            raise self._stopped(error) from error
        state.output_bytes += len(data)
        state.rejects_bytes += len(rejects)
        self._store(state)

    def publish(self) -> None:
        """Give the files their names. May be repeated when it was interrupted half-way."""
        assert self.state is not None and self.state.finished
        try:
            if self.state.rejects_bytes == 0:
                self.rejects_partial.unlink(missing_ok=True)
                self.rejects.unlink(missing_ok=True)
            elif self.rejects_partial.exists():
                self.rejects_partial.replace(self.rejects)
            if self._was_published():
                self.partial.unlink()  # an empty one, made by open()
            else:
                self.partial.replace(self.output)
            sync_folder(self.output.parent)
            self.state_path.unlink(missing_ok=True)
        except OSError as error:
            raise self._stopped(error) from error

    def close(self) -> None:
        """Release the lock; an output that nothing was written to disappears."""
        if self._file is None:
            return
        if self.state is None and not self.state_path.exists():
            with contextlib.suppress(OSError):
                if os.fstat(self._file.fileno()).st_size == 0:
                    self.partial.unlink(missing_ok=True)
        for file in (self._file, self._rejects_file):
            with contextlib.suppress(OSError):  # a full disk is full still
                if file is not None:
                    file.close()
        self._file = self._rejects_file = None

    def _was_published(self) -> bool:
        assert self.state is not None and self._file is not None
        size = os.fstat(self._file.fileno()).st_size
        if size == self.state.output_bytes:
            return False
        if size == 0 and self.output.exists() and self.output.stat().st_size == self.state.output_bytes:
            return True
        raise self._damaged(f"{self.partial.name} has {size} bytes, {self.state.output_bytes} were written")

    def _open_rejects(self) -> BinaryIO:
        if self._rejects_file is None:
            descriptor = os.open(self.rejects_partial, os.O_RDWR | os.O_CREAT, 0o666)
            self._rejects_file = os.fdopen(descriptor, "r+b")
            self._rejects_file.seek(0, os.SEEK_END)
        return self._rejects_file

    def _cut(self, file: BinaryIO, path: Path, length: int) -> None:
        size = os.fstat(file.fileno()).st_size
        if size < length:
            raise self._damaged(f"{path.name} has {size} bytes, {length} were written")
        file.truncate(length)
        file.seek(length)

    def _read_state(self) -> State | None:
        assert self._file is not None
        try:
            values = json.loads(self.state_path.read_bytes())
            if values.pop("format") != FORMAT:
                raise ValueError(f"the format is not {FORMAT}")
            return State(**values)
        except FileNotFoundError:
            if os.fstat(self._file.fileno()).st_size:
                raise self._damaged(f"{self.state_path.name} is missing") from None
            return None
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise self._damaged(f"{self.state_path.name} is not what was written ({error})") from None

    def _store(self, state: State) -> None:
        """Put the state in the place of the one before."""
        temporary = self.state_path.with_name(f"{self.state_path.name}.new")
        try:
            with temporary.open("wb") as file:
                file.write(json.dumps({"format": FORMAT, **asdict(state)}, ensure_ascii=False).encode())
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.state_path)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise self._stopped(error) from error
        self.state = state

    def _damaged(self, what: str) -> InputError:
        return InputError(
            f"{self.output}: an earlier run cannot be gone on with: {what}; --restart begins anew"
        )

    def _stopped(self, error: OSError) -> InputError:
        done = self.state.rows_done if self.state else 0
        kept = f"{done:,} rows are kept in {self.partial.name}, and the same command goes on behind them"
        return InputError(f"{complaint(self.output, error)}; {kept}")


def first_difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str | None:
    """The first setting that is not the same."""
    return next((key for key in [*new, *old] if old.get(key) != new.get(key)), None)


def _append(file: BinaryIO, data: bytes) -> None:
    file.write(data)
    file.flush()
    os.fsync(file.fileno())
