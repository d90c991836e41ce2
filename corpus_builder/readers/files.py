"""Which files are meant, what their endings say, and how they are opened."""

from __future__ import annotations

import contextlib
import functools
import glob
import gzip
import io
import lzma
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO, cast

from corpus_builder.errors import InputError

COMPRESSED = (".gz", ".zst", ".xz")
"""Endings of compressed files; any text format may carry one of them."""

_MANIFEST_NAME = "manifest.json"
# NAME-00000-of-00012.jsonl.zst: one of several files that are one corpus.
_SHARD = re.compile(r"(?P<name>.+)-(?P<index>\d{5,})-of-(?P<total>\d{5,})(?P<ending>\..*)?")


class Format(StrEnum):
    """How rows are written down."""

    JSONL = "JSON lines"
    TSV = "TSV"
    CSV = "CSV"
    TEXT = "plain text"
    PARQUET = "Parquet"


_ENDINGS = {
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".json": Format.JSONL,
    ".tsv": Format.TSV,
    ".csv": Format.CSV,
    ".txt": Format.TEXT,
    ".parquet": Format.PARQUET,
}


def format_of(path: str | Path) -> Format | None:
    """The format that a file's ending names, compression aside; None for any other ending.

    Example:
        >>> format_of("知道.jsonl.zst").value
        'JSON lines'
    """
    path = Path(path)
    compressed = path.suffix in COMPRESSED
    known = _ENDINGS.get((Path(path.stem) if compressed else path).suffix)
    return None if compressed and known is Format.PARQUET else known


def source_of(path: str | Path) -> str:
    """The name that rows without a ``source`` get: the file's up to the first dot, without a shard's number.

    Example:
        >>> source_of("out/zhidao-00003-of-00012.jsonl.zst")
        'zhidao'
    """
    name = Path(path).name.split(".")[0]
    shard = _SHARD.fullmatch(name)
    return shard["name"] if shard else name


_watchers: list[Callable[[int], None]] = []


@contextlib.contextmanager
def reading_watched(on_bytes: Callable[[int], None]) -> Iterator[None]:
    """Tell ``on_bytes`` how many bytes, still compressed, are read of any input in this process."""
    _watchers.append(on_bytes)
    try:
        yield
    finally:
        _watchers.remove(on_bytes)


def tell_watchers(count: int) -> None:
    """So many bytes of an input were read."""
    for watcher in _watchers:
        watcher(count)


class _WatchedFile(io.FileIO):
    def readinto(self, buffer: Any) -> int:
        count = super().readinto(buffer)
        tell_watchers(count or 0)
        return count


class _ClosesItsFile:
    """A decompressing stream that was given an open file closes it in the end."""

    file: BinaryIO

    def close(self) -> None:
        try:
            super().close()  # type: ignore[misc]
        finally:
            self.file.close()


class _GzipFile(_ClosesItsFile, gzip.GzipFile):
    pass


class _XzFile(_ClosesItsFile, lzma.LZMAFile):
    pass


@functools.cache
def _zstd_file() -> Any:
    from backports import zstd

    return type("_ZstdFile", (_ClosesItsFile, zstd.ZstdFile), {})


def open_bytes(path: Path) -> BinaryIO:
    """Open a file for reading, decompressed by its ending.

    Raises:
        InputError: it cannot be opened.
    """
    try:
        file = io.BufferedReader(_WatchedFile(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    stream: Any = file
    if path.suffix == ".gz":
        stream = _GzipFile(fileobj=file, mode="rb")
    elif path.suffix == ".xz":
        stream = _XzFile(file, "rb")
    elif path.suffix == ".zst":
        stream = _zstd_file()(file, "rb")
    if stream is not file:
        stream.file = file
    return cast(BinaryIO, stream)


def find_inputs(patterns: Iterable[str | Path]) -> list[Path]:
    """Files, folders and globs as paths of existing files, in order, each once.

    A folder stands for the files in it and in its folders, sorted by name, whose endings are known (those of
    :class:`Format`, also compressed). Passed over are names that begin with ``.`` or ``_`` and the
    ``*.rejects.jsonl`` of earlier runs. A folder with a manifest stands for the shards in it.

    Raises:
        InputError: nothing matches, a folder holds nothing known, or shards are missing.
    """
    paths: dict[Path, None] = {}
    for pattern in map(str, patterns):
        literal = Path(pattern).exists() or not glob.has_magic(pattern)
        # Path.glob takes no absolute patterns.
        matches = [pattern] if literal else sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207
        if not matches:
            raise InputError(f"{pattern}: no file matches this pattern")
        for match in map(Path, matches):
            if not match.exists():
                raise InputError(f"{match}: there is no such file")
            if not match.is_dir():
                paths[match] = None
                continue
            found = list(_folder_files(match, set()))
            # Of a glob that meets folders beside files, such as **, some folders may hold other things.
            if literal and not found:
                endings = ", ".join(_ENDINGS)
                raise InputError(f"{match}: the folder holds no file with a known ending ({endings})")
            paths.update(dict.fromkeys(found))
    if not paths:
        raise InputError(f"{', '.join(map(str, patterns))}: no file with a known ending")
    return list(paths)


def _folder_files(folder: Path, seen: set[str]) -> Iterator[Path]:
    real = os.path.realpath(folder)
    if real in seen:  # a link to a folder above
        return
    seen.add(real)
    if (folder / _MANIFEST_NAME).is_file():
        from corpus_builder import manifest  # which imports pydantic

        if manifest.is_manifest(folder / _MANIFEST_NAME):
            yield from manifest.shard_paths(folder)
            return
    files: list[Path] = []
    for entry in sorted(folder.iterdir(), key=lambda path: path.name):
        if entry.name.startswith((".", "_")) or entry.name == _MANIFEST_NAME:
            continue
        if entry.is_dir():
            files += _folder_files(entry, seen)
        elif format_of(entry) and not entry.name.endswith(".rejects.jsonl"):
            files.append(entry)
    _check_shards(folder, [path.name for path in files if path.parent == folder])
    yield from files


def _check_shards(folder: Path, names: list[str]) -> None:
    """Refuse part of a set of shards: the run that wrote it was killed while it put them in place."""
    counts: defaultdict[tuple[str, str, str], int] = defaultdict(int)
    for name in names:
        if shard := _SHARD.fullmatch(name):
            counts[shard["name"], shard["total"], shard["ending"] or ""] += 1
    for (name, total, ending), count in counts.items():
        if count < int(total):
            raise InputError(
                f"{folder}: holds {count} of the {int(total)} shards {name}-*-of-{total}{ending} and no "
                "manifest; run again what wrote them, or name the files by a glob to read them all the same"
            )
