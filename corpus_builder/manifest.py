"""The manifest of a folder of shards: what a run read, did and wrote, in ``manifest.json``."""

from __future__ import annotations

import hashlib
import json
import platform
import stat
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, field_validator

from corpus_builder.errors import InputError

MANIFEST_NAME = "manifest.json"

# What the output depends on besides the settings: rows are parsed, compared and compressed by these.
_DEPENDENCIES = ("numpy", "orjson", "pyarrow", "backports.zstd")


def versions(*more: str) -> dict[str, str]:
    """Versions of Python, this package, its dependencies that matter and further packages, if installed."""
    found = {"python": platform.python_version()}
    for name in ("roformer-sim", *_DEPENDENCIES, *more):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class InputFile(_Model):
    """A file that was read. ``bytes`` and ``sha256`` are None for a pipe, which can be read only once."""

    path: str
    bytes: int | None = Field(ge=0)
    sha256: str | None


class Step(_Model):
    """How many rows, sentences or pairs came out of one step, or were dropped by it."""

    name: str
    count: int


class Shard(_Model):
    """One file of the output; ``bytes`` and ``sha256`` are of the file as it lies there, compressed."""

    file: str
    rows: int = Field(ge=0)
    bytes: int = Field(ge=0)
    sha256: str

    @field_validator("file")
    @classmethod
    def _beside_the_manifest(cls, file: str) -> str:
        if Path(file).name != file:
            raise ValueError("must be the name of a file beside the manifest")
        return file


class Manifest(_Model):
    """What a run read, did and wrote. It holds no date, so that equal runs write equal manifests.

    Example:
        >>> Manifest(command="mix", settings={"ratio": 1.0}, seed=7, counts=steps({"rows": 3})).seed
        7

    Attributes:
        command: of ``corpus-builder``.
        versions: of Python, of this package and of what the output depends on; see :func:`versions`.
        settings: thresholds and options, by name.
        seed: of everything random; None where nothing is.
        inputs: the files read; see :func:`describe_inputs`.
        counts: of each step, in the order of the steps; see :func:`steps`.
        shards: the files written, in reading order; filled in by the writer.
    """

    format: Literal["corpus_builder/1"] = "corpus_builder/1"
    command: str
    versions: dict[str, str] = Field(default_factory=versions)
    settings: dict[str, JsonValue] = Field(default_factory=dict)
    seed: int | None = None
    inputs: tuple[InputFile, ...] = ()
    counts: tuple[Step, ...] = ()
    shards: tuple[Shard, ...] = ()

    @property
    def rows(self) -> int:
        """Rows of all shards."""
        return sum(shard.rows for shard in self.shards)


def steps(counts: Mapping[str, int]) -> tuple[Step, ...]:
    """Counts in the order of a mapping, for instance the ``Counter`` that a run fills."""
    return tuple(Step(name=name, count=count) for name, count in counts.items())


_digests: dict[tuple[str, int, int], str] = {}


def describe_inputs(paths: Iterable[str | Path]) -> tuple[InputFile, ...]:
    """Size and SHA-256 of each file; a file that has not changed since is read once in a process.

    Raises:
        InputError: a file cannot be read.
    """
    return tuple(_describe(Path(path)) for path in paths)


def _describe(path: Path) -> InputFile:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return InputFile(path=str(path), bytes=None, sha256=None)
        key = (str(path.absolute()), status.st_size, status.st_mtime_ns)
        if key not in _digests:
            with path.open("rb") as stream:
                _digests[key] = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    return InputFile(path=str(path), bytes=status.st_size, sha256=_digests[key])


def read_manifest(folder: str | Path) -> Manifest:
    """The manifest of a folder.

    Raises:
        InputError: there is none, or it is damaged.
    """
    path = Path(folder) / MANIFEST_NAME
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        reason = f"{where}: {first['msg']}" if where else first["msg"]
        raise InputError(f"{path}: is no manifest of corpus-builder ({reason})") from error


def is_manifest(path: Path) -> bool:
    """Whether a file called ``manifest.json`` means to be ours: other programs have files of this name.

    Raises:
        InputError: it is no JSON, so that nobody can tell.
    """
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except ValueError as error:
        raise InputError(f"{path}: the manifest is damaged ({error}); run again what wrote it") from error
    return isinstance(content, dict) and str(content.get("format", "")).startswith("corpus_builder/")


def shard_paths(folder: Path) -> list[Path]:
    """The shards that a folder's manifest names, in order, each there and of the size it should have.

    Raises:
        InputError: the manifest is damaged, or a shard is missing or has another size.
    """
    paths = []
    for shard in read_manifest(folder).shards:
        path = folder / shard.file
        if not path.is_file():
            raise InputError(
                f"{path}: is named in {MANIFEST_NAME} and missing; copy or write the folder again"
            )
        size = path.stat().st_size
        if size != shard.bytes:
            raise InputError(
                f"{path}: has {size:,} bytes, {shard.bytes:,} according to {MANIFEST_NAME}; "
                "copy or write the folder again"
            )
        paths.append(path)
    return paths
