"""A column of strings on disk: their UTF-8 one behind the other, and where each ends."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import overload

import numpy as np

from corpus_builder.errors import InputError

BYTES, ENDS = ".utf8", ".ends.npy"


class StringWriter:
    """Writes a column as its strings come; the files are whole after the ``with`` block."""

    def __init__(self, folder: Path, name: str) -> None:
        self._path, self._ends_path = folder / f"{name}{BYTES}", folder / f"{name}{ENDS}"
        self._ends = array("q")

    def __enter__(self) -> StringWriter:
        self._file = self._path.open("wb")
        return self

    def write(self, strings: Iterable[str]) -> None:
        """Append."""
        end = self._ends[-1] if self._ends else 0
        for string in strings:
            end += self._file.write(string.encode("utf-8"))
            self._ends.append(end)

    def __exit__(self, *_: object) -> None:
        self._file.close()
        np.save(self._ends_path, np.array(self._ends, np.int64), allow_pickle=False)


class StringColumn(Sequence[str]):
    """What :class:`StringWriter` wrote, mapped into memory, with strings appended to it in memory.

    A million questions would be 100 MB as Python strings; here only what is asked for is decoded.

    Args:
        folder, name: As given to :class:`StringWriter`; ``None`` for an empty column.

    Raises:
        InputError: The two files do not fit one another.
    """

    def __init__(self, folder: Path | None = None, name: str = "") -> None:
        self._bytes: np.ndarray = np.zeros(0, np.uint8)
        self._ends: np.ndarray = np.zeros(0, np.int64)
        self._more: list[str] = []
        if folder is None:
            return
        path = folder / f"{name}{BYTES}"
        try:
            if path.stat().st_size:
                self._bytes = np.memmap(path, np.uint8, "r")
            self._ends = np.load(folder / f"{name}{ENDS}", mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: cannot be read: {error}") from None
        ends = self._ends
        if ends.ndim != 1 or (ends[-1] if len(ends) else 0) != len(self._bytes) or (np.diff(ends) < 0).any():
            raise InputError(f"{path}: does not fit {name}{ENDS}")

    def __len__(self) -> int:
        return len(self._ends) + len(self._more)

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> list[str]: ...
    def __getitem__(self, row: int | slice) -> str | list[str]:
        if isinstance(row, slice):
            return [self[i] for i in range(*row.indices(len(self)))]
        if not 0 <= row < len(self):
            raise IndexError(row)
        stored = len(self._ends)
        if row >= stored:
            return self._more[row - stored]
        start = int(self._ends[row - 1]) if row else 0
        return bytes(self._bytes[start : int(self._ends[row])]).decode("utf-8")

    def __iter__(self) -> Iterator[str]:
        return (self[row] for row in range(len(self)))

    def extend(self, strings: Iterable[str]) -> None:
        """Append in memory; the files stay as they are."""
        self._more.extend(strings)
