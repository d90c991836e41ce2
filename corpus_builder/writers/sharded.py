"""A corpus in files of bounded size, with a manifest that says what they are."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from corpus_builder.errors import InputError
from corpus_builder.writers.part_file import (
    PartFile,
    complaint,
    json_line,
    remove_leftovers,
    sync_folder,
    temporary_path,
)

if TYPE_CHECKING:
    from corpus_builder.manifest import Manifest, Shard

_MANIFEST_NAME = "manifest.json"


class ShardedWriter:
    """Files ``NAME-00000-of-00012.jsonl.zst`` and the ``manifest.json`` beside them.

    The number of shards is known at the end alone, so all files are made in a hidden folder and get their
    names in :meth:`commit`. A run that ends before (exception, Ctrl-C, full disk, ``kill -9``) leaves the
    earlier output as it was. In commit, the earlier manifest and shards are removed, the new shards put in
    their place, and the manifest last of all; should the machine fail in that moment, the readers refuse the
    folder. What a killed process left is removed by the next run.

    Args:
        folder: made if need be; holds one corpus.
        name: begins every file's name.
        rows_per_shard: most lines of a shard.
        bytes_per_shard: most bytes of a shard before compression (a longer line has one of its own).
        suffix: ending of the files; decides the compression (``.gz``, ``.zst``, ``.xz``).

    Example:
        >>> with ShardedWriter("corpus", "pairs", rows_per_shard=1_000_000) as out:
        ...     out.write_row({"text_a": "你好吗？", "text_b": "你好么？"})
        ...     manifest = out.commit(Manifest(command="mix", seed=7))

    Raises:
        InputError: the folder cannot be written or holds another corpus, or the disk is full.
    """

    def __init__(
        self,
        folder: str | Path,
        name: str,
        *,
        rows_per_shard: int | None = None,
        bytes_per_shard: int | None = None,
        suffix: str = ".jsonl.zst",
    ) -> None:
        if not name or name.startswith((".", "_")) or Path(name).name != name:
            raise InputError(f"name {name!r}: must be the beginning of a file name")
        for option, limit in (("rows_per_shard", rows_per_shard), ("bytes_per_shard", bytes_per_shard)):
            if limit is not None and limit < 1:
                raise InputError(f"{option} {limit}: must be at least 1")
        self.folder = Path(folder)
        self.name = name
        self._rows_per_shard = rows_per_shard
        self._bytes_per_shard = bytes_per_shard
        self._suffix = suffix
        self._parts = temporary_path(self.folder / name, "parts")
        self._closed: list[PartFile] = []
        self._open: PartFile | None = None
        self._open_bytes = 0
        self._committed = False

    def __enter__(self) -> ShardedWriter:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.refuse_another_corpus()
            remove_leftovers(self.folder / self.name, "parts")
            self._parts.mkdir()
        except OSError as error:
            raise complaint(self.folder, error) from error
        return self

    @property
    def rows(self) -> int:
        """Lines written so far."""
        return sum(part.rows for part in self._closed) + (self._open.rows if self._open else 0)

    def write_line(self, line: str) -> None:
        """Write one line of text; the line end is added."""
        self._write(line.encode())

    def write_row(self, row: dict[str, Any]) -> None:
        """Write one object as a JSON line (Chinese characters as themselves)."""
        self._write(json_line(row))

    def commit(self, manifest: Manifest) -> Manifest:
        """Give the shards their names and write the manifest, with the shards filled in; the last call.

        Raises:
            InputError: the disk is full or failed.
        """
        self._close_shard()
        shards = self._shards()
        manifest = manifest.model_copy(update={"shards": shards})
        # The last bytes that need room on the disk: from here on there are only names.
        self._open = PartFile(self._parts / _MANIFEST_NAME, self.folder / _MANIFEST_NAME)
        self._open.write_line(manifest.model_dump_json(indent=2).encode())
        self._open.finish()
        try:
            self._remove_earlier()
            for part, shard in zip(self._closed, shards, strict=True):
                part.temporary.replace(self.folder / shard.file)
            sync_folder(self.folder)
            self._open.temporary.replace(self.folder / _MANIFEST_NAME)
            sync_folder(self.folder)
        except OSError as error:
            raise complaint(self.folder, error) from error
        self._committed = True
        return manifest

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._open:
            self._open.drop()
        shutil.rmtree(self._parts, ignore_errors=True)
        if kind is None and not self._committed:
            raise RuntimeError("ShardedWriter: the block ended without commit(manifest); nothing was written")

    def _write(self, line: bytes) -> None:
        length = len(line) + 1
        if self._open and self._is_full(length):
            self._close_shard()
        if not self._open:
            number = len(self._closed)
            # The final name is not known yet; a complaint names the shard as well as can be.
            target = self.folder / f"{self.name}-{number:05d}{self._suffix}"
            self._open = PartFile(self._parts / f"{number:05d}{self._suffix}", target)
            self._open_bytes = 0
        self._open.write_line(line)
        self._open_bytes += length

    def _is_full(self, length: int) -> bool:
        assert self._open is not None
        if self._rows_per_shard is not None and self._open.rows >= self._rows_per_shard:
            return True
        return self._bytes_per_shard is not None and self._open_bytes + length > self._bytes_per_shard

    def _close_shard(self) -> None:
        if self._open:
            self._open.finish()
            self._closed.append(self._open)
            self._open = None

    def _shards(self) -> tuple[Shard, ...]:
        from corpus_builder.manifest import Shard  # which imports pydantic

        total = len(self._closed)
        return tuple(
            Shard(
                file=f"{self.name}-{number:05d}-of-{total:05d}{self._suffix}",
                rows=part.rows,
                bytes=part.bytes,
                sha256=part.sha256,
            )
            for number, part in enumerate(self._closed)
        )

    def refuse_another_corpus(self) -> None:
        """Raise :class:`InputError` if the folder holds another corpus."""
        path = self.folder / _MANIFEST_NAME
        if not path.exists():
            return
        from corpus_builder.manifest import is_manifest, read_manifest

        ours = is_manifest(path) and all(
            shard.file.startswith(f"{self.name}-") for shard in read_manifest(self.folder).shards
        )
        if not ours:
            raise InputError(f"{path}: belongs to something else than {self.name!r}; choose another folder")

    def _remove_earlier(self) -> None:
        """Remove an earlier run's manifest and then its shards, so that old and new ones never mix."""
        (self.folder / _MANIFEST_NAME).unlink(missing_ok=True)
        sync_folder(self.folder)
        shard = re.compile(rf"{re.escape(self.name)}-\d{{5,}}-of-\d{{5,}}\..*")
        for path in self.folder.iterdir():
            if shard.fullmatch(path.name):
                path.unlink()
        sync_folder(self.folder)
