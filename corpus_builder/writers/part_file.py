"""A file under a temporary name: compressed as its final name says, counted and hashed as it is written."""

from __future__ import annotations

import contextlib
import errno
import gzip
import hashlib
import io
import json
import lzma
import os
import re
import shutil
from pathlib import Path
from typing import IO, Any, cast

from corpus_builder.errors import InputError

# Fixed, since they decide the bytes that come out.
_GZIP_LEVEL, _XZ_PRESET, _ZSTD_LEVEL = 6, 6, 3
_BUFFER = 1 << 17


class PartFile:
    """Lines on their way to ``target``, for now in ``temporary``.

    Equal lines give equal bytes, as long as the versions of the compressing libraries stay the same: no time,
    no name and no number of threads is written into the file.

    Args:
        temporary: the file to write.
        target: the name it is to have; decides the compression (``.gz``, ``.zst``, ``.xz``) and is the one
            that complaints name.
    """

    def __init__(self, temporary: Path, target: Path) -> None:
        self.temporary = temporary
        self.target = target
        self.rows = 0
        self.bytes = 0
        self._digest = hashlib.sha256()
        try:
            self._file = temporary.open("wb")
        except OSError as error:
            raise complaint(target, error) from error
        self._stream = _compressing(cast(IO[bytes], self), target.suffix)

    def write(self, data: Any) -> int:
        """Take compressed bytes; the compressing stream calls it."""
        self._digest.update(data)
        self.bytes += len(data)
        return self._file.write(data)

    def flush(self) -> None:
        """Pass on what is buffered; the compressing stream may call it."""
        self._file.flush()

    def write_line(self, line: bytes) -> None:
        """Write one line; the line end is added."""
        try:
            self._stream.write(line + b"\n")
        except OSError as error:
            raise complaint(self.target, error) from error
        self.rows += 1

    def finish(self) -> None:
        """Write what is buffered and wait until it is on the disk.

        Raises:
            InputError: the disk is full or failed.
        """
        try:
            if self._stream is not self:
                self._stream.close()
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        except OSError as error:
            raise complaint(self.target, error) from error

    def drop(self) -> None:
        """Close and remove the file, whatever state it is in."""
        for stream in (self._stream, self._file):
            if stream is not self:
                with contextlib.suppress(OSError):  # a full disk is full still
                    stream.close()
        self.temporary.unlink(missing_ok=True)

    @property
    def sha256(self) -> str:
        """Of the bytes written so far."""
        return self._digest.hexdigest()


def _compressing(file: IO[bytes], suffix: str) -> IO[bytes]:
    stream = _compressor(file, suffix)
    # Calling zstd for every short line takes half as long again as calling it for many at once.
    return (
        stream if stream is file else cast(IO[bytes], io.BufferedWriter(cast(io.RawIOBase, stream), _BUFFER))
    )


def _compressor(file: IO[bytes], suffix: str) -> IO[bytes]:
    if suffix == ".gz":
        return cast(IO[bytes], gzip.GzipFile("", "wb", compresslevel=_GZIP_LEVEL, fileobj=file, mtime=0))
    if suffix == ".xz":
        return cast(IO[bytes], lzma.LZMAFile(file, "wb", preset=_XZ_PRESET))
    if suffix == ".zst":
        from backports import zstd

        parameter = zstd.CompressionParameter
        options: dict[int, int] = {parameter.compression_level: _ZSTD_LEVEL, parameter.checksum_flag: 1}
        return cast(IO[bytes], zstd.ZstdFile(file, "wb", options=options))
    return file


def json_line(row: dict[str, Any]) -> bytes:
    """An object as one line of JSON, Chinese characters as themselves."""
    return json.dumps(row, ensure_ascii=False).encode()


def temporary_path(target: Path, ending: str = "part") -> Path:
    """Where a file or folder is made before it gets its name: hidden beside it, one for each process."""
    return target.with_name(f".{target.name}.{os.getpid()}.{ending}")


def remove_leftovers(target: Path, ending: str = "part") -> None:
    """Remove what runs that were killed (``kill -9``, power) left of ``target``."""
    leftover = re.compile(rf"\.{re.escape(target.name)}\.(\d+)\.{ending}")
    for path in target.parent.iterdir():
        match = leftover.fullmatch(path.name)
        if not match or is_running(int(match[1])):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def is_running(process: int) -> bool:
    """Whether there is a process of that number, whoever's it is."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    with contextlib.suppress(OSError):  # some file systems know no such thing
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def complaint(path: Path, error: OSError) -> InputError:
    """The one message for a file that cannot be written."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return InputError(f"{path}: the disk is full; free some space or choose another folder")
    return InputError(f"{path}: cannot be written ({error.strerror or error}); choose another place")
