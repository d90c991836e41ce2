"""Inputs for the mixing, and its output read back."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from backports import zstd

from corpus_builder.readers import find_inputs

Row = dict[str, Any]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, Iterable[Row]], Path]:
    """Write rows as JSON lines to a file of that name."""

    def write_rows(name: str, rows: Iterable[Row]) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
        return path

    return write_rows


@pytest.fixture(scope="session")
def read() -> Callable[[Path], list[Row]]:
    """All rows of a file or of a folder's shards."""

    def read_rows(output: Path) -> list[Row]:
        rows = []
        for path in find_inputs([output]):
            data = path.read_bytes()
            data = {".zst": zstd.decompress, ".gz": gzip.decompress}.get(path.suffix, bytes)(data)
            rows += [json.loads(line) for line in data.decode().splitlines()]
        return rows

    return read_rows


@pytest.fixture(scope="session")
def groups() -> Callable[[int], list[Row]]:
    """Question groups, each with its number in the text."""
    return lambda count: [
        {"text": f"第{i}路公交几点发车？", "synonyms": [f"{i}路车几点开？", f"{i}路首班车是几点？"]}
        for i in range(count)
    ]


@pytest.fixture(scope="session")
def pairs() -> Callable[[int], list[Row]]:
    """Pairs of general sentences, each with its number in the text."""
    return lambda count: [
        {"text_a": f"他跑了{i}米。", "text_b": f"他一共跑了{i}米。", "score": 0.75, "origin": f"日记/{i}"}
        for i in range(count)
    ]
