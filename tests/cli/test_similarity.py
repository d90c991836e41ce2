"""``roformer-sim similarity``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

A, B = "怎么开通花呗", "花呗如何开通"


def test_two_texts_give_their_cosine(cli, tiny_preset, tiny_model) -> None:
    result = cli("similarity", A, B, "-m", tiny_preset)
    assert (result.code, result.err) == (0, "")
    assert result.out == f"{tiny_model.similarity(A, B):.4f}\t{A}\t{B}\n"


def test_pooling_is_chosen(cli, tiny_preset, tiny_model) -> None:
    row = json.loads(cli("similarity", A, B, "-m", tiny_preset, "--pooling", "P3", "--json").out)
    assert row == {"text_a": A, "text_b": B, "similarity": row["similarity"]}
    assert row["similarity"] == pytest.approx(tiny_model.similarity(A, B, pooling="P3"), abs=1e-6)


def test_an_sts_table_can_be_read_as_pairs(cli, tiny_preset, tmp_path: Path) -> None:
    table = tmp_path / "valid.tsv"
    table.write_text(f"text_a\ttext_b\tlabel\n{A}\t{B}\t1\n{A}\t{A}\t5\n", encoding="utf-8")
    rows = [
        json.loads(row)
        for row in cli("similarity", "-i", table, "-m", tiny_preset, "--json").out.splitlines()
    ]
    assert [(row["text_a"], row["text_b"]) for row in rows] == [(A, B), (A, A)]
    assert rows[1]["similarity"] == pytest.approx(1.0, abs=1e-6)


def test_pairs_as_json_lines_from_standard_input(cli, tiny_preset) -> None:
    stdin = json.dumps({"text_a": A, "text_b": B, "score": 0.5}).encode()
    assert cli("similarity", "--jsonl", "-m", tiny_preset, stdin=stdin).out.endswith(f"\t{A}\t{B}\n")


def test_pairs_that_cannot_be_read_are_refused_with_their_line(refused, tiny_preset) -> None:
    model = ["-m", tiny_preset]
    assert "expected two sentences, found 1" in refused("similarity", A, *model)
    assert "line 2: no tab" in refused("similarity", *model, stdin=f"{A}\t{B}\n{A}\n".encode())
    assert "line 1: text_b is empty" in refused("similarity", *model, stdin=f"{A}\t \n".encode())
    assert "argument 2: TEXT_B is empty" in refused("similarity", A, "", *model)
    assert "line 1: malformed JSON" in refused("similarity", "--jsonl", *model, stdin=b'{"text_a": ')
    assert 'the field "text_b" is missing' in refused(
        "similarity", "--jsonl", *model, stdin=b'{"text_a": "b"}'
    )
    assert "the input holds no pair" in refused("similarity", *model, stdin=b"text_a\ttext_b\n")
