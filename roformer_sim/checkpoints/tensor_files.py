"""Tensors of a Hugging Face folder, from one file or from shards, safetensors or torch, one after another."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.checkpoints.mapped import MappedWeights
from roformer_sim.checkpoints.preset import read_json

WEIGHT_FILES = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
"""What a folder may keep its weights in; the first that is there is read."""

CHECKSUM = "crc32."
"""What keys of a safetensors file's metadata begin with that give a tensor's CRC-32. We write them; other
tools drop them when they write the file anew."""


class TensorFile(Protocol):
    """Tensors by name in one file."""

    path: Path

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of all tensors, without reading any."""

    def read(self, name: str) -> np.ndarray:
        """One tensor, valid until :meth:`release`: float32, or integers as they are."""

    def release(self) -> None:
        """Give back the memory of what has been read."""


class SafetensorsFile:
    """Tensors of a safetensors file, each checked against its CRC-32 where the file gives one."""

    def __init__(self, path: Path) -> None:
        self.path, self._mapped = path, MappedWeights(path)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return self._mapped.shapes()

    def read(self, name: str) -> np.ndarray:
        noted = self._mapped.metadata.get(CHECKSUM + name)
        if noted is not None and checksum(self._mapped.stored_bytes(name)) != noted:
            raise InputError(f"{self.path}: {name} is not what was written (checksum); copy the file again")
        stored = self._mapped.stored(name)
        return stored.astype(np.float32, copy=False) if stored.dtype.kind == "f" else stored

    def release(self) -> None:
        self._mapped.release()


def checksum(data: memoryview | bytes) -> str:
    """CRC-32, eight hexadecimal digits."""
    return f"{zlib.crc32(data):08x}"


class Tensors:
    """All tensors of a folder's weights by name.

    Args:
        folder: Where they lie.

    Raises:
        InputError: No file with weights, or one that is missing, damaged, refused or does not hold what the
            index says.
    """

    def __init__(self, folder: Path) -> None:
        name = next((name for name in WEIGHT_FILES if (folder / name).is_file()), None)
        if name is None:
            raise InputError(f"{folder}: no weights: neither {' nor '.join(WEIGHT_FILES)}")
        self.path = folder / name
        if name.endswith(".json"):
            self._files = _shards(self.path)
        else:
            file = open_tensors(self.path)
            self._files = dict.fromkeys(file.shapes(), file)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """By name."""
        files = _distinct(self._files.values())
        return {name: shape for file in files for name, shape in file.shapes().items()}

    def read(self, name: str) -> np.ndarray:
        """One tensor, see :meth:`TensorFile.read`; NaN and infinity are refused."""
        file = self._files[name]
        values = file.read(name)
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise InputError(f"{file.path}: {name} holds NaN or infinite values")
        return values

    def file_of(self, name: str) -> Path:
        """The file a tensor lies in."""
        return self._files[name].path

    def release(self) -> None:
        """Give back the memory of what has been read."""
        for file in _distinct(self._files.values()):
            file.release()


def open_tensors(path: Path) -> TensorFile:
    """A single file of either kind.

    Raises:
        InputError: It is missing, damaged or refused.
    """
    if path.suffix == ".safetensors":
        return SafetensorsFile(path)
    from roformer_sim.checkpoints.torch_file import TorchFile

    return TorchFile(path)


def _shards(index: Path) -> dict[str, TensorFile]:
    places = read_json(index).get("weight_map")
    if not isinstance(places, dict) or not places:
        raise InputError(f"{index}: weight_map: expected the file of each tensor")
    for name, file in places.items():
        if not isinstance(file, str) or file in ("", ".", "..") or "/" in file or "\\" in file:
            raise InputError(f"{index}: {name}: the file {file!r} does not lie in this folder; not read")
    files = {file: open_tensors(index.parent / file) for file in sorted(set(places.values()))}
    for file, tensors in files.items():
        held, said = set(tensors.shapes()), {name for name, place in places.items() if place == file}
        if held != said:
            wrong = sorted(held ^ said)[0]
            where = "does not hold" if wrong in said else "holds, unknown to the index,"
            raise InputError(f"{index.parent / file}: {where} the tensor {wrong}; copy the folder again")
    return {name: files[file] for name, file in places.items()}


def _distinct(files: Iterable[TensorFile]) -> list[TensorFile]:
    return list({id(file): file for file in files}.values())
