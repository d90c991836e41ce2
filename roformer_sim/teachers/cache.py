"""A teacher's vectors on disk: two files that only grow, and a manifest that says how far they are good.

``keys.bin``      16 bytes a row: the hash of the text
``vectors.bin``   d numbers a row, float16 or float32, little-endian
``manifest.json`` teacher, dimension, type and count of the rows that are whole on the disk
"""

from __future__ import annotations

import contextlib
import json
import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from corpus_builder.errors import InputError
from corpus_builder.writers import AtomicWriter
from corpus_builder.writers.part_file import complaint, remove_leftovers
from roformer_sim.teachers.checked import checked_vectors, cosine_rows, shown
from roformer_sim.teachers.keys import KEY_BYTES, KeyIndex, Keys, keys_from, keys_of

KEYS, VECTORS, MANIFEST = "keys.bin", "vectors.bin", "manifest.json"
VectorType = Literal["float16", "float32"]

# The same teacher on another machine differs by rounding, 1e-6; another checkpoint of one run by more.
_SAME_TEACHER = 1e-4
_HALF_ERROR = 2.0**-10  # of a vector's length; rounding alone stays below half of it


class CacheManifest(BaseModel):
    """What a cache holds.

    Attributes:
        teacher: as it was named.
        probe: its vectors of the sentences ``PROBES``, by which it is known again.
        count: rows that are whole on the disk.
    """

    model_config = ConfigDict(extra="forbid")

    format: Literal["roformer-sim-teacher-cache-1"] = "roformer-sim-teacher-cache-1"
    teacher: str
    dimension: int = Field(ge=1)
    dtype: VectorType
    count: int = Field(ge=0)
    probe: list[list[float]]

    @property
    def numbers(self) -> np.dtype[Any]:
        """Type of a number in the file."""
        return np.dtype(self.dtype).newbyteorder("<")

    @property
    def row_bytes(self) -> int:
        """Bytes of a vector."""
        return self.dimension * self.numbers.itemsize


def read_manifest(folder: Path) -> CacheManifest:
    """The manifest of a cache.

    Raises:
        InputError: There is none, or it is damaged.
    """
    path = folder / MANIFEST
    try:
        return CacheManifest.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(
            f"{folder}: is no teacher cache ({MANIFEST}: {error.strerror or error}); "
            f"make one: roformer-sim teacher-cache TEACHER --input FILE --output {folder}"
        ) from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "content"
        raise InputError(f"{path}: {where}: {first['msg']}; not the manifest of a teacher cache") from None


def whole_rows(folder: Path, manifest: CacheManifest) -> int:
    """Rows of which both files hold everything, at most the manifest's count."""
    sizes = [(folder / name).stat().st_size if (folder / name).exists() else 0 for name in (KEYS, VECTORS)]
    return min(manifest.count, sizes[0] // KEY_BYTES, sizes[1] // manifest.row_bytes)


class CachedTeacher:
    """Vectors that ``roformer-sim teacher-cache`` has computed, by memory map.

    Rows that a running ``teacher-cache`` adds are seen by those opened later.

    Args:
        folder: The cache.

    Attributes:
        dimension: d of its vectors.
        count: texts in it.
        teacher: the teacher whose vectors they are.
        vectors: (count, dimension), of the type of the file, mapped.

    Example:
        >>> teacher = CachedTeacher("teacher-use")  # doctest: +SKIP
        >>> teacher.missing(["怎么开通花呗"])  # doctest: +SKIP
        []
        >>> teacher(["怎么开通花呗"]).shape  # doctest: +SKIP
        (1, 512)

    Raises:
        InputError: No cache, or files shorter than the manifest says.
    """

    def __init__(self, folder: str | Path) -> None:
        folder = Path(folder)
        manifest = read_manifest(folder)
        self.name, self.folder = f"cache:{folder}", folder
        self.teacher, self.dimension, self.count = manifest.teacher, manifest.dimension, manifest.count
        if (whole := whole_rows(folder, manifest)) < manifest.count:
            raise InputError(
                f"{folder}: holds {whole:,} of the {manifest.count:,} rows its manifest names; "
                "copy it again, or run roformer-sim teacher-cache again, which computes the rest"
            )
        shape = (self.count, self.dimension)
        self.vectors: np.ndarray = (
            np.memmap(folder / VECTORS, manifest.numbers, "r", shape=shape)
            if self.count
            else np.zeros(shape, manifest.numbers)
        )
        self._index = KeyIndex(read_keys(folder, self.count))

    def __reduce__(self) -> tuple[type[CachedTeacher], tuple[Path]]:
        # To another process goes the folder; the file's pages are shared.
        return type(self), (self.folder,)

    @staticmethod
    def is_cache(folder: Path) -> bool:
        """Whether the folder's manifest is that of a cache."""
        with contextlib.suppress(OSError, ValueError, AttributeError):
            content = json.loads((folder / MANIFEST).read_bytes())
            return bool(content.get("format") == CacheManifest.model_fields["format"].default)
        return False

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """Vectors of the sentences, float32 (n, d).

        Raises:
            InputError: One of them is not in the cache, or its row is damaged.
        """
        rows = self._index.rows(keys_of(texts))
        if len(absent := np.flatnonzero(rows < 0)):
            raise InputError(
                f"{self.folder}: has no vector of {shown(texts[absent[0]])}"
                f"{f' and {len(absent) - 1} more' if len(absent) > 1 else ''}; add it: roformer-sim "
                f"teacher-cache {self.teacher} --input FILE --output {self.folder} --maxlen N, "
                "with the files and the data.maxlen of the recipe"
            )
        return checked_vectors(self.vectors[rows], texts, self.name, self.dimension)

    def blocks(self, size: int = 8192) -> Iterator[np.ndarray]:
        """All vectors, ``size`` at a time, float32."""
        for start in range(0, self.count, size):
            yield np.asarray(self.vectors[start : start + size], np.float32)

    def missing(self, texts: Sequence[str]) -> list[str]:
        """Texts that are not in the cache, each once."""
        rows = self._index.rows(keys_of(texts))
        return list(dict.fromkeys(texts[place] for place in np.flatnonzero(rows < 0).tolist()))


def read_keys(folder: Path, count: int) -> Keys:
    """The keys of the first ``count`` rows."""
    with (folder / KEYS).open("rb") as file:
        return keys_from(file.read(count * KEY_BYTES))


class CacheWriter:
    """Adds rows to a cache; one process at a time. A block of rows counts once all of it is on the disk.

    Args:
        folder: Made if need be.
        teacher: Name of the teacher.
        probe: Its :meth:`CheckedTeacher.probe`, (3, d).
        dtype: Of the file; ``None`` is float16, or what the cache has.

    Raises:
        InputError: The folder cannot be written, is in use, or holds another teacher's vectors or another
            type.
    """

    def __init__(
        self, folder: str | Path, teacher: str, probe: np.ndarray, dtype: VectorType | None = None
    ) -> None:
        self.folder = Path(folder)
        self.manifest: CacheManifest
        self._probe, self._dtype, self._teacher = probe, dtype, teacher

    def __enter__(self) -> CacheWriter:
        with contextlib.ExitStack() as stack:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                self._refuse_other_things()
                remove_leftovers(self.folder / MANIFEST)
                self._keys, self._vectors = (
                    stack.enter_context((self.folder / name).open("ab", buffering=0))
                    for name in (KEYS, VECTORS)
                )
                self._lock(self._keys)
                self._prepare()
                self._drop_tails()
            except OSError as error:
                raise complaint(self.folder, error) from error
            self._files = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._drop_tails()
        self._files.close()

    def keys(self) -> Keys:
        """The keys of all rows."""
        return read_keys(self.folder, self.manifest.count)

    def append(self, texts: Sequence[str], vectors: np.ndarray) -> None:
        """Add the rows of new texts and wait until they are on the disk.

        Raises:
            InputError: The disk is full (nothing is lost, the block is taken back), or numbers of this size
                do not fit into float16.
        """
        self._write(keys_of(texts), self._rounded(vectors, texts))

    def append_keys(self, keys: Keys, vectors: np.ndarray) -> None:
        """:meth:`append` of texts that are known by their keys alone, (n, 2)."""
        self._write(keys, self._rounded(vectors))

    def _write(self, keys: Keys, stored: np.ndarray) -> None:
        try:
            for file, data in ((self._keys, keys.tobytes()), (self._vectors, stored.tobytes())):
                _write_all(file, data)
                os.fsync(file.fileno())
        except OSError as error:
            self._drop_tails()
            raise complaint(self.folder / VECTORS, error) from error
        self._commit(self.manifest.count + len(keys))

    def _rounded(self, vectors: np.ndarray, texts: Sequence[str] | None = None) -> np.ndarray:
        with np.errstate(over="ignore"):
            stored = vectors.astype(self.manifest.numbers)
        if self.manifest.dtype == "float16":
            errors = np.linalg.norm(stored.astype(np.float64) - vectors, axis=1)
            bad = np.flatnonzero(
                ~(errors <= _HALF_ERROR * np.linalg.norm(vectors.astype(np.float64), axis=1))
            )
            if len(bad):
                which = f"row {bad[0]}" if texts is None else shown(texts[bad[0]])
                raise InputError(
                    f"teacher {self._teacher}: its vector of {which} is too large or too "
                    "small for float16; make the cache anew with --dtype float32"
                )
        return stored

    def _commit(self, count: int) -> None:
        manifest = self.manifest.model_copy(update={"count": count})
        with AtomicWriter(self.folder / MANIFEST) as out:
            out.write_line(manifest.model_dump_json())
        self.manifest = manifest

    def _drop_tails(self) -> None:
        """Take back what stands behind the last whole row: a block that was killed or did not fit."""
        os.ftruncate(self._keys.fileno(), self.manifest.count * KEY_BYTES)
        os.ftruncate(self._vectors.fileno(), self.manifest.count * self.manifest.row_bytes)

    def _refuse_other_things(self) -> None:
        """Leave a folder alone that somebody keeps other files in."""
        if (self.folder / MANIFEST).exists():
            read_manifest(self.folder)
            return
        for path in self.folder.iterdir():
            # A run that was killed before its first manifest leaves the two files empty.
            if not path.name.startswith(".") and not (
                path.name in (KEYS, VECTORS) and not path.stat().st_size
            ):
                raise InputError(f"{self.folder}: holds {path.name} and no {MANIFEST}; choose another folder")

    def _prepare(self) -> None:
        """Read the manifest, its count lowered if rows were lost; or write that of a new cache."""
        if not (self.folder / MANIFEST).exists():
            self.manifest = CacheManifest(
                teacher=self._teacher,
                dimension=self._probe.shape[1],
                dtype=self._dtype or "float16",
                count=0,
                probe=[[float(f"{value:.9g}") for value in row] for row in self._probe],
            )
            self._commit(0)
            return
        self.manifest = read_manifest(self.folder)
        self._check_same()
        if (whole := whole_rows(self.folder, self.manifest)) < self.manifest.count:
            warnings.warn(
                f"{self.folder}: holds {whole:,} of {self.manifest.count:,} rows; "
                "the others are computed again",
                stacklevel=2,
            )
            self._commit(whole)

    def _check_same(self) -> None:
        kept, found = np.array(self.manifest.probe), self._probe
        if kept.shape != found.shape:
            difference = f"{kept.shape[-1]} dimensions, not {found.shape[1]}"
        elif (cosine := float(cosine_rows(kept, found).min())) < 1 - _SAME_TEACHER:
            difference = f"its vector of a probe sentence has a cosine of {cosine:.5f} with this one's"
        elif self._dtype not in (None, self.manifest.dtype):
            raise InputError(
                f"{self.folder}: holds {self.manifest.dtype}; leave --dtype out or start a new cache"
            )
        else:
            return
        raise InputError(
            f"{self.folder}: holds vectors of another teacher, {self.manifest.teacher} ({difference}); "
            f"give {self._teacher} a folder of its own"
        )

    @staticmethod
    def _lock(file: IO[bytes]) -> None:
        try:
            import fcntl
        except ImportError:  # not on Windows
            return
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"{file.name}: another teacher-cache writes here now; wait for its end"
            ) from None


def _write_all(file: Any, data: bytes) -> None:
    """An unbuffered file may take a part at a time."""
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]
