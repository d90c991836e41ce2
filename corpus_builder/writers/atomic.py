"""One file that appears whole or not at all."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

from corpus_builder.errors import InputError
from corpus_builder.writers.part_file import (
    PartFile,
    complaint,
    json_line,
    remove_leftovers,
    sync_folder,
    temporary_path,
)


class AtomicWriter:
    """A text file that appears under its name only when it is complete.

    Lines go to a temporary file in the same folder, which takes the final name when the ``with`` block ends
    without an exception, and is removed otherwise, Ctrl-C included. A name that ends in ``.gz``, ``.zst`` or
    ``.xz`` is compressed, without a time stamp, so that equal content is equal bytes.

    Example:
        >>> with AtomicWriter("pairs.jsonl.zst") as out:
        ...     out.write_row({"text_a": "你好吗？", "text_b": "你好么？"})

    Raises:
        InputError: the folder cannot be made or written, or the disk is full.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._temporary = temporary_path(self.path)
        self._part: PartFile

    def __enter__(self) -> AtomicWriter:
        if self.path.exists() and not self.path.is_file():
            # Putting the finished file in the place of a device or a folder would destroy it.
            raise InputError(f"{self.path}: is no ordinary file; choose another name")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            remove_leftovers(self.path)
        except OSError as error:
            raise complaint(self.path, error) from error
        self._part = PartFile(self._temporary, self.path)
        return self

    @property
    def rows(self) -> int:
        """Lines written so far."""
        return self._part.rows

    @property
    def sha256(self) -> str:
        """Of the file's bytes; of all of them behind the ``with`` block."""
        return self._part.sha256

    def write_line(self, line: str) -> None:
        """Write one line of text; the line end is added."""
        self._part.write_line(line.encode())

    def write_row(self, row: dict[str, Any]) -> None:
        """Write one object as a JSON line (Chinese characters as themselves)."""
        self._part.write_line(json_line(row))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._part.finish()
                try:
                    self._temporary.replace(self.path)
                except OSError as problem:
                    raise complaint(self.path, problem) from problem
                sync_folder(self.path.parent)
        finally:
            self._part.drop()
