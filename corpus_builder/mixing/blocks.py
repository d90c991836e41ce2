"""Lines on their way through temporary files: compressed blocks of them, one behind the other."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from types import TracebackType
from typing import IO

BLOCK_BYTES = 1 << 20
"""Bytes of a block before compression; a longer line has one of its own. Always the same, since the order of
rows with equal keys, should there ever be two, follows the blocks."""

_LEVEL = 1
_HEADER = struct.Struct("<QQ")  # lines, compressed bytes


class BlockWriter:
    """A file of lines, read again by :func:`read_blocks`; on the disk when the ``with`` block has ended.

    Args:
        path: The file; None only counts the lines.
    """

    def __init__(self, path: Path | None) -> None:
        self.rows = 0
        self.bytes = 0
        self._path = path
        self._lines: list[bytes] = []
        self._size = 0

    def __enter__(self) -> BlockWriter:
        self._file = self._path.open("wb") if self._path else None
        return self

    def write(self, line: bytes) -> None:
        """Take one line, which has no line end in it."""
        self._lines.append(line)
        self._size += len(line)
        if self._size >= BLOCK_BYTES:
            self._write_block()

    def _write_block(self) -> None:
        if self._file:
            write_block(self._file, self._lines)
        self.rows += len(self._lines)
        self.bytes += self._size
        self._lines, self._size = [], 0

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file or nullcontext():
            if kind is None:
                if self._lines:
                    self._write_block()
                if self._file:
                    sync(self._file)


def write_block(file: IO[bytes], lines: list[bytes], before: bytes = b"") -> None:
    """Write lines as one block, and in front of it bytes whose length the reader knows from their number."""
    from backports import zstd

    data = zstd.compress(b"\n".join(lines), _LEVEL)
    file.write(_HEADER.pack(len(lines), len(data)) + before + data)


def read_block(file: IO[bytes], before_each: int = 0) -> tuple[bytes, list[bytes]] | None:
    """The next block: what stands in front of it (``before_each`` bytes for a line) and its lines."""
    from backports import zstd

    header = file.read(_HEADER.size)
    if not header:
        return None
    rows, length = _HEADER.unpack(header)
    before = file.read(rows * before_each)
    return before, zstd.decompress(file.read(length)).split(b"\n")


def read_blocks(path: Path) -> Iterator[list[bytes]]:
    """The lines of a file, block by block."""
    with path.open("rb") as file:
        while block := read_block(file):
            yield block[1]


def sync(file: IO[bytes]) -> None:
    """Wait until the file is on the disk."""
    file.flush()
    os.fsync(file.fileno())
