"""The finished pieces of a run on disk: a piece is there whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from corpus_builder.errors import InputError
from corpus_builder.writers import AtomicWriter
from corpus_builder.writers.part_file import complaint

IDENTITY = "run.json"

Arrays = dict[str, np.ndarray]
_COUNTS = "counts"


@dataclass(slots=True)
class Part:
    """What one piece of work gives.

    Attributes:
        arrays: any arrays, by name.
        values: 64-bit values in growing order, kept in a file of their own that can be read a slice at a
            time.
        counts: what was counted on the way.
    """

    arrays: Arrays = field(default_factory=dict)
    values: npt.NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))
    counts: Counter[str] = field(default_factory=Counter)


class PartsFolder:
    """Numbered parts of one run. Each is written beside its place and renamed, its ``.npz`` last.

    Args:
        path: The folder; made if need be.
        identity: Everything the parts depend on (command, settings, ``inputs``). Parts of other inputs are
            of no use and removed; those of other settings may be hours of work, and are not.

    Raises:
        InputError: The folder cannot be made, or holds parts made with other settings.
    """

    def __init__(self, path: str | Path, identity: Mapping[str, Any]) -> None:
        self.path = Path(path)
        wanted = json.loads(json.dumps(identity, sort_keys=True))
        place = self.path / IDENTITY
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            found = json.loads(place.read_text("utf-8")) if place.exists() else None
        except (OSError, ValueError) as error:
            raise InputError(f"{self.path}: cannot be used for unfinished work ({error})") from None
        if found is not None and (not self.numbers() or found.get("inputs") != wanted.get("inputs")):
            self.remove()
            self.path.mkdir(parents=True, exist_ok=True)
            found = None
        if found is None:
            # Parts without identity are what a run left that was killed while it removed them.
            for part in self.path.glob("[0-9]*.np[yz]"):
                part.unlink()
            _write_json(place, wanted)
        elif found != wanted:
            keys = [key for key in {*found, *wanted} if found.get(key) != wanted.get(key)]
            raise InputError(
                f"{self.path}: holds unfinished work of another run ({', '.join(sorted(keys))} differ); "
                "finish that run, remove the folder, or choose another output"
            )

    def numbers(self) -> list[int]:
        """The parts that are complete, in order."""
        return sorted(int(path.stem) for path in self.path.glob("[0-9]*.npz"))

    def has(self, number: int) -> bool:
        """Whether the part is complete."""
        return self._place(number, "npz").exists()

    def save(self, number: int, part: Part) -> None:
        """Write a part; it counts as complete once its ``.npz`` is there.

        Raises:
            InputError: The disk is full or failed.
        """
        counts = np.frombuffer(json.dumps(part.counts).encode(), np.uint8)
        if len(part.values):
            save_array(self._place(number, "npy"), part.values)
        arrays = {**part.arrays, _COUNTS: counts}
        _write(self._place(number, "npz"), lambda file: np.savez(file, allow_pickle=False, **arrays))

    def load(self, number: int) -> Part:
        """A part as it was saved; its values stay on disk."""
        with np.load(self._place(number, "npz"), allow_pickle=False) as file:
            arrays = dict(file)
        counts: dict[str, int] = json.loads(arrays.pop(_COUNTS).tobytes())
        return Part(arrays, self.values(number), Counter(counts))

    def values(self, number: int) -> npt.NDArray[np.uint64]:
        """The part's values, on disk."""
        place = self._place(number, "npy")
        if not place.exists():
            return np.zeros(0, np.uint64)
        result: npt.NDArray[np.uint64] = np.load(place, mmap_mode="r", allow_pickle=False)
        return result

    def all_values(self, count: int) -> Sequence[npt.NDArray[np.uint64]]:
        """The values of parts 0 to ``count``, each opened when it is asked for: there may be 100,000."""
        return _Values(self, count)

    def remove(self) -> None:
        """Delete the folder: the run is finished."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _place(self, number: int, ending: str) -> Path:
        return self.path / f"{number:06d}.{ending}"


class _Values(Sequence[npt.NDArray[np.uint64]]):
    def __init__(self, folder: PartsFolder, count: int) -> None:
        self._folder, self._count = folder, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: Any) -> Any:
        if not 0 <= number < self._count:
            raise IndexError(number)
        return self._folder.values(number)


def _write_json(place: Path, values: Mapping[str, Any]) -> None:
    with AtomicWriter(place) as out:
        out.write_row(dict(values))


def save_array(place: Path, array: np.ndarray) -> None:
    """Write an array as ``.npy``; the file is there whole or not at all.

    Raises:
        InputError: The disk is full or failed.
    """
    _write(place, lambda file: np.save(file, array, allow_pickle=False))


def _write(place: Path, write: Callable[[IO[bytes]], None]) -> None:
    temporary = place.with_name(f"{place.name}.part")
    try:
        with temporary.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(place)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise complaint(place, error) from error
