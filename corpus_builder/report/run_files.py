"""Where a run's files are and what its summary says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from corpus_builder.errors import InputError
from corpus_builder.manifest import MANIFEST_NAME
from corpus_builder.readers import COMPRESSED, Format, find_inputs, format_of

_SUMMARIES = (MANIFEST_NAME, "summary.json")
_ROW_FORMATS = (Format.JSONL, Format.PARQUET)


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
        summary: the parsed manifest; empty where there is none.
        summary_path, rejects_path: None where there is no such file.
    """

    name: str
    data: list[Path]
    summary: Mapping[str, Any] = field(default_factory=dict)
    summary_path: Path | None = None
    rejects_path: Path | None = None

    @property
    def inputs(self) -> list[InputFile]:
        """The inputs named in the summary: plain names, or objects with ``path``, ``bytes``, ``sha256``."""
        return [self._input(row) for row in self._list("inputs")]

    def _input(self, row: object) -> InputFile:
        if isinstance(row, str):
            return InputFile(row)
        if isinstance(row, Mapping) and isinstance(row.get("path"), str):
            size, sha256 = row.get("bytes"), row.get("sha256")
            if isinstance(size, int | None) and isinstance(sha256, str | None):
                return InputFile(row["path"], size, sha256)
        raise self._complaint("inputs", 'names, or objects with "path", "bytes" and "sha256"')

    @property
    def counts(self) -> dict[str, int]:
        """The counts of each step, in order: ``[{"name", "count"}]`` of a manifest, or ``{name: count}``."""
        counts = self.summary.get("counts", {})
        if isinstance(counts, list):
            steps = [(s.get("name"), s.get("count")) if isinstance(s, Mapping) else (None, s) for s in counts]
        elif isinstance(counts, Mapping):
            steps = list(counts.items())
        else:
            steps = [(None, counts)]
        checked: dict[str, int] = {}
        for name, count in steps:
            if not isinstance(name, str) or type(count) is not int:
                raise self._complaint("counts", "names of steps and whole numbers")
            checked[name] = count
        return checked

    def table(self, key: str) -> dict[str, Any]:
        """An object of the summary (``settings``, ``versions``); empty where there is none."""
        value = self.summary.get(key, {})
        if not isinstance(value, Mapping):
            raise self._complaint(key, "an object")
        return dict(value)

    def _list(self, key: str) -> list[Any]:
        value = self.summary.get(key, [])
        if not isinstance(value, list):
            raise self._complaint(key, "a list")
        return value

    def _complaint(self, key: str, expected: str) -> InputError:
        return InputError(f'{self.summary_path}, key "{key}": expected {expected}; run the command again')


def find_run(run_path: str | Path) -> RunFiles:
    """The files of the run whose output is ``run_path``: a file of rows, or a folder of shards.

    The summary of a folder is its ``manifest.json``; that of a file ``pairs.jsonl.gz`` is beside it,
    ``pairs.jsonl.gz.manifest.json`` or ``pairs.manifest.json`` (also ``.summary.json``, what ``--json``
    prints). Rejects are in ``pairs.rejects.jsonl``, named likewise, or in the folder's ``rejects.jsonl``.

    Raises:
        InputError: there is nothing at ``run_path``, it holds no rows, shards are missing, or the summary
            cannot be read.
    """
    path = Path(run_path)
    if not path.exists():
        raise InputError(f"{path}: there is no such file or folder; give the output of a mining command")
    data = [file for file in find_inputs([path]) if not file.name.endswith(_SUMMARIES)]
    if others := [file for file in data if format_of(file) not in _ROW_FORMATS]:
        raise InputError(f"{others[0]}: a report is made of mined pairs or groups, JSON lines or Parquet")
    if not data:
        raise InputError(f"{path}: the folder holds no mined rows")
    names = dict.fromkeys((path.name, _stem(path)))
    summaries = [path.with_name(f"{name}.{ending}") for name in names for ending in _SUMMARIES]
    rejects = [path.with_name(f"{name}.rejects.jsonl") for name in names]
    if path.is_dir():
        summaries.insert(0, path / MANIFEST_NAME)
        rejects = [path / "rejects.jsonl", *sorted(path.glob("*.rejects.jsonl")), *rejects]
    summary_path = _first(summaries)
    name = path.resolve().name
    return RunFiles(name, data, _read_summary(summary_path), summary_path, _first(rejects))


def _stem(path: Path) -> str:
    name = path.name
    for suffix in (*COMPRESSED, ".jsonl", ".json", ".parquet"):
        name = name.removesuffix(suffix)
    return name


def _first(candidates: list[Path]) -> Path | None:
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
