"""``roformer-sim teacher-cache``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from roformer_sim.teachers import CachedTeacher


@pytest.fixture
def groups(tmp_path: Path) -> Path:
    path = tmp_path / "groups.jsonl"
    rows = [
        {"text": "怎么开通花呗", "synonyms": ["花呗如何开通"]},
        {"text": "今天下雨吗", "synonyms": ["今天有雨吗"]},
    ]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name of a teacher that is a function in a file."""
    code = "def encode(texts):\n    return [[len(text), ord(text[0]) / 30000] for text in texts]\n"
    (tmp_path / "lengths_of_texts.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return "python:lengths_of_texts:encode"


def test_the_vector_of_a_preset_that_was_named_is_cached(
    cli, groups: Path, tiny_preset: Path, tiny_model, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    result = cli("teacher-cache", f"{tiny_preset}@P3", "-i", groups, "-o", cache, "--dtype", "float32")
    assert (result.code, result.err) == (0, "")
    assert result.out == f"4 of 4 texts encoded now; {cache} holds 4 vectors of 32 numbers\n"
    texts = ["今天有雨吗", "怎么开通花呗"]
    assert np.allclose(CachedTeacher(cache)(texts), tiny_model.encode(texts, pooling="P3"), atol=1e-6)


def test_a_text_is_encoded_once(cli, groups: Path, encoder: str, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    command = ("teacher-cache", encoder, "-i", groups, "-o", cache, "--json")
    facts = [json.loads(cli(*command).out) for _ in range(2)]
    assert [(fact["added"], fact["texts"], fact["count"], fact["dimension"]) for fact in facts] == [
        (4, 4, 4, 2),
        (0, 4, 4, 2),
    ]


def test_rows_that_were_lost_are_told_in_one_line(cli, groups: Path, encoder: str, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cli("teacher-cache", encoder, "-i", groups, "-o", cache)
    (cache / "keys.bin").write_bytes(b"")
    result = cli("teacher-cache", encoder, "-i", groups, "-o", cache)
    assert result.code == 0
    assert result.err == f"warning: {cache}: holds 0 of 4 rows; the others are computed again\n"


def test_wrong_arguments_are_refused(refused, groups: Path, encoder: str, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert "no such file" in refused("teacher-cache", encoder, "-i", tmp_path / "none", "-o", cache)
    assert "sentence-transformers:NAME" in refused("teacher-cache", "sbert", "-i", groups, "-o", cache)
    assert "cannot be written" in refused("teacher-cache", encoder, "-i", groups, "-o", groups)
    assert "'--input'" in refused("teacher-cache", encoder, "-o", cache)
    assert not cache.exists()
    (tmp_path / "bad.jsonl").write_text('{"text_a": 3}\n', encoding="utf-8")
    line = refused("teacher-cache", encoder, "-i", tmp_path / "bad.jsonl", "-o", cache)
    assert "bad.jsonl" in line
    assert "1" in line
