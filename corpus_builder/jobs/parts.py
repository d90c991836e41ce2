"""The finished pieces of a run on disk: a piece is there whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from corpus_builder.errors import InputError
from corpus_builder.writers import AtomicWriter

IDENTITY = "run.json"


@dataclass(slots=True)
class Part:
    """What one piece of work gives.

    Attributes:
        rows: JSON rows, in order.
        keys: Any numbers that belong to them, for instance the hashes of a pair's sentences; empty for none.
        counts: What was counted on the way.
        rejects: Rows that could not be used: file, line, reason.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    keys: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint64))
    counts: Counter[str] = field(default_factory=Counter)
    rejects: list[dict[str, Any]] = field(default_factory=list)


class PartsFolder:
    """Numbered parts of one run. Each is written beside its place and renamed, its ``.json`` last.

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
            _write_json(place, wanted)
        elif found != wanted:
            keys = [key for key in {*found, *wanted} if found.get(key) != wanted.get(key)]
            raise InputError(
                f"{self.path}: holds unfinished work of another run ({', '.join(sorted(keys))} differ); "
                "finish that run, remove the folder, or choose another output"
            )

    def numbers(self) -> list[int]:
        """The parts that are complete, in order."""
        return sorted(int(path.stem) for path in self.path.glob("[0-9]*.json"))

    def has(self, number: int) -> bool:
        """Whether the part is complete."""
        return self._place(number, "json").exists()

    def save(self, number: int, part: Part) -> None:
        """Write a part; it counts as complete once its ``.json`` is there."""
        if len(part.keys):
            temporary = self._place(number, "npy.part")
            with temporary.open("wb") as file:
                np.save(file, part.keys, allow_pickle=False)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._place(number, "npy"))
        if part.rows:
            with AtomicWriter(self._place(number, "jsonl.gz")) as out:
                for row in part.rows:
                    out.write_row(row)
        _write_json(
            self._place(number, "json"),
            {"rows": len(part.rows), "counts": dict(part.counts), "rejects": part.rejects},
        )

    def rows(self, number: int) -> Iterator[str]:
        """The part's rows as lines of JSON, without line ends."""
        import gzip

        place = self._place(number, "jsonl.gz")
        if place.exists():
            with gzip.open(place, "rt", encoding="utf-8", newline="\n") as lines:
                for line in lines:
                    yield line.rstrip("\n")

    def keys(self, number: int, *, mapped: bool = False) -> np.ndarray:
        """The part's numbers; ``mapped`` leaves them on disk."""
        place = self._place(number, "npy")
        if not place.exists():
            return np.zeros(0, np.uint64)
        result: np.ndarray = np.load(place, mmap_mode="r" if mapped else None, allow_pickle=False)
        return result

    def counts(self, number: int) -> Counter[str]:
        """What was counted for the part."""
        return Counter(self._summary(number)["counts"])

    def rejects(self, number: int) -> list[dict[str, Any]]:
        """The part's rejected rows."""
        rejects: list[dict[str, Any]] = self._summary(number)["rejects"]
        return rejects

    def remove(self) -> None:
        """Delete the folder: the run is finished."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _summary(self, number: int) -> dict[str, Any]:
        summary: dict[str, Any] = json.loads(self._place(number, "json").read_text("utf-8"))
        return summary

    def _place(self, number: int, ending: str) -> Path:
        return self.path / f"{number:06d}.{ending}"


def _write_json(place: Path, values: Mapping[str, Any]) -> None:
    with AtomicWriter(place) as out:
        out.write_row(dict(values))
