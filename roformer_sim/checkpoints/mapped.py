"""Weights of a safetensors file, read where they lie in it instead of being copied into memory."""

from __future__ import annotations

import json
import mmap
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from corpus_builder.errors import InputError

_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4"}


class MappedWeights(Mapping[str, np.ndarray]):
    """float32 arrays by name: read-only views of a mapped file, or copies where the file has another type.

    The system reads a page of the file when it is first looked at, and :meth:`release` gives the memory
    back; the arrays stay valid. The file must not be written to meanwhile: presets are saved as new files,
    which leaves those that are mapped as they were.

    Raises:
        InputError: No such file, or one that is damaged, truncated or holds other types of numbers.
    """

    def __init__(self, path: Path) -> None:
        try:
            # The library checks that the header is sound and covers the file exactly.
            with safe_open(path, framework="numpy"), path.open("rb") as file:
                size = int.from_bytes(file.read(8), "little")
                header = json.loads(file.read(size))
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except FileNotFoundError:
            raise InputError(f"{path}: no such file") from None
        except (SafetensorError, OSError, ValueError) as error:
            raise InputError(f"{path}: not a complete safetensors file: {error}") from None
        self.metadata: dict[str, str] = header.pop("__metadata__", {})
        self._places = {name: _Place(path, name, entry, 8 + size) for name, entry in header.items()}

    def __getitem__(self, name: str) -> np.ndarray:
        return np.asarray(self.stored(name), np.float32)

    def stored(self, name: str) -> np.ndarray:
        """As the file has it, of its own type; bfloat16, which NumPy has not, as float32."""
        place = self._places[name]
        array = np.frombuffer(self._map, place.dtype, place.count, place.offset).reshape(place.shape)
        if place.is_bfloat16:  # the upper half of a float32
            array = (array.astype(np.uint32) << 16).view(np.float32)
        array.setflags(write=False)
        return array

    def stored_bytes(self, name: str) -> memoryview:
        """The array's bytes in the file."""
        place = self._places[name]
        return memoryview(self._map)[place.offset : place.offset + place.count * place.dtype.itemsize]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of all arrays, without reading any."""
        return {name: place.shape for name, place in self._places.items()}

    def release(self) -> None:
        """Give back the memory of what has been read; it is read again where it is looked at again."""
        if hasattr(self._map, "madvise"):
            self._map.madvise(mmap.MADV_DONTNEED)


def release(weights: Mapping[str, np.ndarray]) -> None:
    """Give back the memory of weights that can be read from their file again."""
    if isinstance(weights, MappedWeights):
        weights.release()


class _Place:
    """Where an array lies in the file."""

    def __init__(self, path: Path, name: str, entry: dict[str, list[int] | str], begin: int) -> None:
        if entry["dtype"] not in _TYPES:
            raise InputError(
                f"{path}: {name} is of type {entry['dtype']}; expected one of {', '.join(_TYPES)}"
            )
        self.dtype = np.dtype(_TYPES[str(entry["dtype"])])
        self.is_bfloat16 = entry["dtype"] == "BF16"
        self.shape = tuple(int(size) for size in entry["shape"])
        self.offset = begin + int(entry["data_offsets"][0])
        self.count = int(np.prod(self.shape, dtype=np.int64))
