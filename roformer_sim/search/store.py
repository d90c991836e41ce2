"""The folder of an index: a pointer, and beside it the folder of the present version.

``index.json`` names the version, ``version-000003``; a change is written as the next version beside it,
brought to the disk, and becomes the index when ``index.json`` is replaced, in one step. Killed at any moment,
the folder is the index before or after, never one between.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from corpus_builder.errors import InputError
from roformer_sim.checkpoints.atomic import atomic_folder, remove_leftovers
from roformer_sim.checkpoints.checksums import find_damage, write_checksums
from roformer_sim.checkpoints.preset import read_json, write_json
from roformer_sim.search.kinds import Kind

FORMAT = "roformer-sim-index-1"
POINTER, MANIFEST = "index.json", "manifest.json"
VECTORS, DELETED, NEIGHBOURS, WHITENING = (
    "vectors.npy",
    "deleted.npy",
    "neighbours.faiss",
    "whitening.safetensors",
)
_VERSION = re.compile(r"version-(\d{6,})")


class Manifest(BaseModel):
    """What an index is, in ``manifest.json`` of its version.

    Attributes:
        encoder: What its vectors were made with, for people.
        fingerprint: The same, for comparing: hash of the preset's weights, vocabulary and configuration, of
            pooling, longest length and whitening.
        dimension: Numbers of a vector.
        rows: Vectors, deleted ones included.
        deleted: Of them, those that are no longer found.
        kind: flat, ivf or hnsw.
        effort: efSearch of HNSW, nprobe of IVF.
        recall: Share of the exact ten nearest found with that effort when it was built, for sentences that
            were not in it yet; None for flat, which is exact, and for few rows.
        next_id: The next running number for a row without an id.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["roformer-sim-index-1"] = "roformer-sim-index-1"
    encoder: dict[str, str | int | bool | None]
    fingerprint: str
    dimension: int = Field(gt=0)
    rows: int = Field(ge=0)
    deleted: int = Field(ge=0)
    kind: Kind
    effort: int = Field(ge=0)
    recall: float | None = None
    next_id: int = Field(ge=0)


def is_index(folder: str | Path) -> bool:
    """Whether an index stands there, whole or damaged."""
    return (Path(folder) / POINTER).is_file()


def current_version(folder: Path) -> Path:
    """The folder of the present version.

    Raises:
        InputError: No index, or one whose pointer is damaged.
    """
    if not (folder / POINTER).is_file():
        what = "holds no index" if folder.is_dir() else "there is no such folder"
        raise InputError(
            f"{folder}: {what}; `roformer-sim index build` makes one (again, where it was stopped)"
        )
    found = read_json(folder / POINTER)
    version = found.get("version")
    if found.get("format") != FORMAT or not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise InputError(f"{folder / POINTER}: does not name a version of {FORMAT}; build the index again")
    if not (folder / version).is_dir():
        raise InputError(f"{folder}: {version}, which {POINTER} names, is missing; build the index again")
    return folder / version


def read_manifest(version: Path, *, verify: bool = True) -> Manifest:
    """The manifest of a version.

    Args:
        verify: Compare sizes and checksums of all its files first (about a second for 2 GB).

    Raises:
        InputError: A file is missing, damaged or half written.
    """
    if verify and (damage := find_damage(version)) is not None:
        raise InputError(f"{version}: {damage}; build the index again, or put back a copy of the folder")
    try:
        return Manifest.model_validate(read_json(version / MANIFEST))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InputError(f"{version / MANIFEST}: {place}: {first['msg']}") from None


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Only one process changes an index at a time.

    Raises:
        InputError: Another one is at it, or the place cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror or error}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError(f"{folder}: another process is changing this index; wait for it") from None
        yield
    finally:
        os.close(descriptor)


@contextmanager
def next_version(folder: Path, expected: str | None) -> Iterator[Path]:
    """Give a folder to write the files of the next version into; on success it becomes the index.

    To be called under :func:`locked`.

    Args:
        expected: Name of the version that was changed; ``None`` where none was there or any may be replaced.

    Raises:
        InputError: The index is another version by now, or the place cannot be written.
    """
    now = read_json(folder / POINTER).get("version") if is_index(folder) and expected else None
    if expected is not None and now != expected:
        raise InputError(f"{folder}: was changed by another process since it was loaded; load it again")
    numbers = [int(m[1]) for path in folder.iterdir() if (m := _VERSION.fullmatch(path.name))]
    target = folder / f"version-{max(numbers, default=0) + 1:06d}"
    with atomic_folder(target) as place:
        yield place
        write_checksums(place)
    _point_to(folder, target.name)
    _remove_others(folder, target.name)


def _point_to(folder: Path, version: str) -> None:
    temporary = folder / f".{POINTER}.part"
    try:
        write_json(temporary, {"format": FORMAT, "version": version})
        for path in (temporary, folder):
            descriptor = os.open(path, os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)
        temporary.replace(folder / POINTER)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror or error}") from error


def _remove_others(folder: Path, version: str) -> None:
    """Delete older versions; who has one open keeps its files until it closes them."""
    for path in folder.iterdir():
        if _VERSION.fullmatch(path.name) and path.name != version:
            shutil.rmtree(path, ignore_errors=True)
    remove_leftovers(folder)
