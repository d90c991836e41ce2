"""Writing files so that a reader never meets half of one."""

from __future__ import annotations

import errno
import gzip
import json
import os
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from corpus_builder.errors import InputError


class AtomicWriter:
    """A text file that appears under its name only when it is complete.

    Lines go to a temporary file in the same folder, which takes the final name (``os.replace``) when the
    ``with`` block ends without an exception, and is removed otherwise, Ctrl-C included. A name that ends in
    ``.gz`` is gzipped, without a time stamp, so that equal content is equal bytes.

    Example:
        >>> with AtomicWriter("pairs.jsonl.gz") as out:
        ...     out.write_row({"text_a": "你好吗？", "text_b": "你好么？"})

    Raises:
        InputError: the folder cannot be made or written, or the disk is full.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.rows = 0
        self._temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        self._stream: IO[bytes]

    def __enter__(self) -> AtomicWriter:
        if self.path.exists() and not self.path.is_file():
            # Putting the finished file in the place of a device or a folder would destroy it.
            raise InputError(f"{self.path}: is no ordinary file; choose another name")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._temporary.open("wb")
        except OSError as error:
            raise self._complaint(error) from error
        self._stream = self._file
        if self.path.suffix == ".gz":
            self._stream = gzip.GzipFile("", "wb", compresslevel=6, fileobj=self._file, mtime=0)  # type: ignore[assignment]
        return self

    def write_line(self, line: str) -> None:
        """Write one line of text; the line end is added."""
        try:
            self._stream.write(line.encode("utf-8") + b"\n")
        except OSError as error:
            raise self._complaint(error) from error
        self.rows += 1

    def write_row(self, row: dict[str, Any]) -> None:
        """Write one object as a JSON line (Chinese characters as themselves)."""
        self.write_line(json.dumps(row, ensure_ascii=False))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._stream is not self._file:
                self._stream.close()
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            if kind is None:
                self._temporary.replace(self.path)
        except OSError as problem:
            if kind is None:
                raise self._complaint(problem) from problem
        finally:
            self._temporary.unlink(missing_ok=True)

    def _complaint(self, error: OSError) -> InputError:
        if error.errno == errno.ENOSPC:
            return InputError(f"{self.path}: the disk is full; free some space or choose another folder")
        return InputError(f"{self.path}: cannot be written ({error.strerror or error}); choose another place")
