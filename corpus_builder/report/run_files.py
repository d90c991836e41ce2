"""Where a run's files are and what its summary says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from corpus_builder.errors import InputError

_DATA_SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl.zst", ".jsonl.xz", ".json", ".json.gz", ".json.xz")
_MANIFEST, _REJECTS = "manifest.json", "rejects.jsonl"


@dataclass(frozen=True, slots=True)
class InputFile:
    """One input of a run; size and hash are None where the summary does not hold them."""

    name: str
    size: int | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class RunFiles:
    """The files of a run.

    Attributes:
        name: the run's name, for the title.
        data: the files with mined rows, in order.
        summary: the parsed ``manifest.json`` or ``<output>.summary.json``; empty where there is none.
        summary_path, rejects_path: None where there is no such file.
    """

    name: str
    data: list[Path]
    summary: Mapping[str, Any] = field(default_factory=dict)
    summary_path: Path | None = None
    rejects_path: Path | None = None

    @property
    def inputs(self) -> list[InputFile]:
        """The inputs named in the summary, as plain names or as ``{"path", "bytes", "sha256"}``."""
        rows = self.summary.get("inputs", [])
        if isinstance(rows, Mapping):
            rows = [{"path": name, **(row if isinstance(row, Mapping) else {})} for name, row in rows.items()]
        return [self._input(row) for row in rows]

    def _input(self, row: object) -> InputFile:
        if isinstance(row, Mapping):
            name = row.get("path", row.get("name", row.get("file")))
            if name is not None:
                return InputFile(str(name), row.get("bytes", row.get("size")), row.get("sha256"))
        elif isinstance(row, str):
            return InputFile(row)
        raise InputError(
            f'{self.summary_path}, key "inputs": expected names or objects with "path", "bytes" and "sha256"'
        )

    @property
    def counts(self) -> dict[str, int]:
        """The counts of each step, in the order of the summary."""
        counts = self.table("counts")
        for name, count in counts.items():
            if isinstance(count, bool) or not isinstance(count, int):
                raise InputError(f'{self.summary_path}, key "counts": {name!r} is {count!r}, no whole number')
        return counts

    def table(self, key: str) -> dict[str, Any]:
        """An object of the summary (``settings``, ``versions``); empty where there is none."""
        value = self.summary.get(key, {})
        if not isinstance(value, Mapping):
            raise InputError(f'{self.summary_path}, key "{key}": expected an object')
        return dict(value)


def find_run(run_path: str | Path) -> RunFiles:
    """The files of the run whose output is ``run_path``: a file of rows or a folder of shards.

    Beside a file ``pairs.jsonl.gz`` the summary is ``pairs.jsonl.gz.summary.json`` or
    ``pairs.summary.json`` and the rejects are ``pairs.rejects.jsonl``; in a folder they are
    ``manifest.json`` and ``rejects.jsonl``.

    Raises:
        InputError: there is nothing at ``run_path``, a folder without shards, an unreadable summary.
    """
    path = Path(run_path)
    if path.is_dir():
        summary_path = _first(path / _MANIFEST)
        summary = _read_summary(summary_path)
        rejects = _first(path / _REJECTS, *sorted(path.glob("*.rejects.jsonl")))
        data = sorted(
            file
            for file in path.iterdir()
            if file.name.endswith(_DATA_SUFFIXES)
            and not file.name.startswith(".")
            and not file.name.endswith((".summary.json", _REJECTS))
            and file.name != _MANIFEST
        )
        if not data:
            raise InputError(f"{path}: the folder holds no shards (*.jsonl, also .gz, .zst, .xz)")
        return RunFiles(path.resolve().name, data, summary, summary_path, rejects)
    if not path.is_file():
        raise InputError(f"{path}: there is no such file or folder; give the output of a mining command")
    stem = path.name
    for suffix in (".gz", ".zst", ".xz", ".jsonl", ".json"):
        stem = stem.removesuffix(suffix)
    names = dict.fromkeys((path.name, stem))
    summary_path = _first(*(path.with_name(f"{name}.summary.json") for name in names))
    rejects = _first(*(path.with_name(f"{name}.rejects.jsonl") for name in names))
    return RunFiles(path.name, [path], _read_summary(summary_path), summary_path, rejects)


def _first(*candidates: Path) -> Path | None:
    return next((path for path in candidates if path.is_file()), None)


def _read_summary(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        summary = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as JSON ({error}); run the command again") from error
    if not isinstance(summary, dict):
        raise InputError(f"{path}: expected a JSON object with the settings and counts of the run")
    return summary
