"""``roformer-sim vocab simplify``, ``extend`` and ``coverage``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from roformer_sim.checkpoints import load_preset


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "texts.txt"
    path.write_text("广州和深圳\n广州的車\n科學技術＠\n", encoding="utf-8")
    return path


def test_simplify_by_bert4keras_s_rule_writes_the_rows_it_kept(
    cli, tiny_preset: Path, tmp_path: Path
) -> None:
    larger, out = tmp_path / "larger", tmp_path / "small"
    (tmp_path / "tokens.txt").write_text("[unused1]\n", encoding="utf-8")
    assert cli("vocab", "extend", tiny_preset, larger, "--tokens", tmp_path / "tokens.txt").code == 0
    facts = json.loads(cli("vocab", "simplify", larger, out, "--json").out)
    whole, small = load_preset(larger), load_preset(out)
    assert (facts["tokens_before"], facts["tokens"]) == (
        whole.tokenizer.vocab_size,
        small.tokenizer.vocab_size,
    )
    assert "[unused1]" not in small.tokenizer.vocab
    rows = json.loads((out / "kept_tokens.json").read_text())["keep_tokens"]
    assert [whole.tokenizer.vocab[row] for row in rows] == small.tokenizer.vocab


def test_simplify_keeps_what_texts_use(cli, tiny_preset: Path, texts: Path, tmp_path: Path) -> None:
    result = cli("vocab", "simplify", tiny_preset, tmp_path / "out", "--used-in", texts, "--min-count", 2)
    assert result.code == 0, result.err
    tokens = load_preset(tmp_path / "out").tokenizer.vocab
    assert set(tokens[5:]) == {"广", "州"}
    assert f"-> {len(tokens)} tokens" in result.out


def test_simplify_keeps_the_tokens_of_a_file(cli, refused, tiny_preset: Path, tmp_path: Path) -> None:
    (tmp_path / "keep.txt").write_text("州\n广\n", encoding="utf-8")
    assert cli("vocab", "simplify", tiny_preset, tmp_path / "out", "--keep", tmp_path / "keep.txt").code == 0
    assert load_preset(tmp_path / "out").tokenizer.vocab[5:] == ["广", "州"]
    (tmp_path / "keep.txt").write_text("州\n賣\n", encoding="utf-8")
    line = refused("vocab", "simplify", tiny_preset, tmp_path / "no", "--keep", tmp_path / "keep.txt")
    assert "'賣': it is not in the vocabulary" in line
    assert not (tmp_path / "no").exists()


def test_extend_by_unknown_characters_of_texts(cli, tiny_preset: Path, texts: Path, tmp_path: Path) -> None:
    arguments = ("--from-texts", texts, "--min-count", 1, "--json")
    facts = json.loads(cli("vocab", "extend", tiny_preset, tmp_path / "out", *arguments).out)
    assert set(facts["added"]) == {"車", "學", "術", "＠"}
    assert load_preset(tmp_path / "out").tokenizer.tokenize("科學技術")[1:-1] == list("科學技術")


def test_extend_by_traditional_forms(cli, tiny_preset: Path, tmp_path: Path) -> None:
    pytest.importorskip("opencc")
    result = cli("vocab", "extend", tiny_preset, tmp_path / "out", "--traditional")
    assert result.code == 0, result.err
    larger = load_preset(tmp_path / "out")
    table, row = larger.weights["token_embedding/embeddings"], larger.tokenizer.vocabulary.row
    np.testing.assert_array_equal(table[row("術")], table[row("术")])


def test_extend_by_a_file_with_sources(cli, refused, tiny_preset: Path, tmp_path: Path) -> None:
    path = tmp_path / "tokens.txt"
    path.write_text("廣\t广 州\n术\n\n[S1]\n", encoding="utf-8")
    result = cli("vocab", "extend", tiny_preset, tmp_path / "out", "--tokens", path)
    assert "1 begin as the mean of the tokens given: 廣" in result.out
    assert "1 begin as the mean of all tokens: [S1]" in result.out
    path.write_text("廣\n廣\n", encoding="utf-8")
    assert "line 2: the token '廣' is there twice" in refused(
        "vocab", "extend", tiny_preset, tmp_path / "b", "--tokens", path
    )


def test_coverage_tells_what_is_unknown(cli, tiny_preset: Path, texts: Path) -> None:
    facts = json.loads(cli("vocab", "coverage", tiny_preset, texts, "--json").out)
    assert (facts["texts"], facts["characters"], facts["unknown"]) == (3, 14, 4)
    assert facts["unknown_characters"] == {"車": 1, "學": 1, "術": 1, "＠": 1}
    by_file = json.loads(cli("vocab", "coverage", tiny_preset / "vocab.txt", texts, "--json").out)
    assert by_file == facts


def test_without_opencc_the_traditional_report_says_so(
    cli, tiny_preset: Path, texts: Path, monkeypatch
) -> None:
    import importlib.util

    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "opencc" else found(name, *a)
    )
    monkeypatch.setitem(sys.modules, "opencc", None)
    result = cli("vocab", "coverage", tiny_preset, texts)
    assert "traditional characters: not known, OpenCC is not installed: pip install" in result.out


def test_wrong_arguments_are_refused(refused, tiny_preset: Path, texts: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert "give --keep or --used-in" in refused(
        "vocab", "simplify", tiny_preset, out, "--keep", texts, "--used-in", texts
    )
    assert "nothing to add" in refused("vocab", "extend", tiny_preset, out)
    assert "is there already" in refused("vocab", "simplify", tiny_preset, tiny_preset)
    assert "Missing" in refused("vocab")
