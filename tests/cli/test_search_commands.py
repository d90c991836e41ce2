"""``roformer-sim index``, ``whiten fit``, ``threshold`` and ``mine-negatives``."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from corpus_builder.readers import read_triples
from roformer_sim.retrieval import Whitening

TEXTS = [
    "怎么开通花呗",
    "花呗如何开通",
    "苹果手机多少钱",
    "今天下雨了",
    "明天去公园",
    "广州和上海哪个好",
    "学习中文书",
]


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(TEXTS) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def faq(cli, tiny_preset: Path, tmp_path: Path, lines: Path) -> Path:
    assert cli("index", "build", tmp_path / "faq", "-i", lines, "-m", tiny_preset).code == 0
    return tmp_path / "faq"


def test_what_was_built_is_found(cli, faq: Path) -> None:
    result = cli("index", "search", faq, "今天下雨了", "-k", 2, "--json")
    (row,) = map(json.loads, result.out.splitlines())
    assert row["text"] == "今天下雨了"
    assert row["hits"][0] == {"id": "3", "text": "今天下雨了", "score": pytest.approx(1, abs=1e-5)}
    assert len(row["hits"]) == 2


def test_scores_are_those_of_similarity(cli, faq: Path, tiny_model) -> None:
    (row,) = map(json.loads, cli("index", "search", faq, "去公园", "-k", 1, "--json").out.splitlines())
    (hit,) = row["hits"]
    assert hit["score"] == pytest.approx(tiny_model.similarity("去公园", hit["text"]), abs=1e-4)


def test_a_file_of_questions_is_answered_into_a_file(cli, faq: Path, lines: Path, tmp_path: Path) -> None:
    assert cli("index", "search", faq, "-i", lines, "-k", 1, "-o", tmp_path / "found.txt").code == 0
    found = (tmp_path / "found.txt").read_text(encoding="utf-8").splitlines()
    assert found[::2] == TEXTS
    assert found[1] == "  1.0000\t0\t怎么开通花呗"


def test_at_a_terminal_it_asks_until_an_empty_line(cli, faq: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["今天下雨了", "明天去公园", ""])
    monkeypatch.setattr("builtins.input", lambda prompt: next(answers))
    result = cli("index", "search", faq, "-k", 1, stdin=None)
    assert result.code == 0
    assert result.out == "  1.0000\t3\t今天下雨了\n  1.0000\t4\t明天去公园\n"


def test_rows_are_added_and_deleted(cli, faq: Path, tmp_path: Path) -> None:
    table = tmp_path / "more.csv"
    table.write_text('编号,问题\nx1,"北京，天气好吗"\n', encoding="utf-8")
    assert cli("index", "add", faq, "-i", table, "--column", "问题", "--id-column", "编号").code == 0
    assert cli("index", "delete", faq, "0", "1").code == 0
    report = json.loads(cli("index", "info", faq, "--recall", "-k", 2, "--json").out)
    assert (report["sentences"], report["recall@2"], report["kind"]) == (6, 1.0, "flat")
    assert "x1\t北京，天气好吗" in cli("index", "search", faq, "北京天气", "-k", 6).out


def test_another_preset_is_refused(refused, faq: Path) -> None:
    assert "was built with" in refused("index", "search", faq, "花呗", "-m", "roformer_sim_char_mini_zh")


def test_rows_that_cannot_be_used_are_named_with_file_and_line(
    refused, faq: Path, tiny_preset: Path, tmp_path: Path
) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"text": "花呗"}\n{"text": " "}\n', encoding="utf-8")
    assert "rows.jsonl, line 2: text is empty" in refused(
        "index", "build", tmp_path / "new", "-i", rows, "-m", tiny_preset
    )
    assert "there is no 'question'; the row has text" in refused(
        "index", "add", faq, "-i", rows, "--column", "question"
    )
    assert "holds no row with the id '99'" in refused("index", "delete", faq, "99")
    assert "holds no index" in refused("index", "info", tmp_path)


def test_a_whitening_is_kept_with_the_preset_and_used_by_the_index(
    cli, refused, tiny_preset: Path, tmp_path: Path, lines: Path
) -> None:
    preset = tmp_path / "preset"
    shutil.copytree(tiny_preset, preset)
    result = cli("whiten", "fit", "-m", preset, "-i", lines, "--pooling", "P3", "-d", 4, "--json")
    assert json.loads(result.out)["texts"] == len(TEXTS)
    assert Whitening.load(preset / "whitening.P3.safetensors").dimension == 4
    noted = json.loads((preset / "metadata.json").read_text(encoding="utf-8"))
    assert (noted["whitening"]["P3"]["dimensions"], noted["made_by"]) == (4, "tests")
    build = ("index", "build", tmp_path / "white", "-i", lines, "-m", preset, "--whiten", "preset")
    assert "no such file" in refused(*build)
    assert cli(*build, "--pooling", "P3").code == 0
    assert "  1.0000\t3\t今天下雨了" in cli("index", "search", tmp_path / "white", "今天下雨了", "-k", 1).out
    wrong = (*build[:-1], preset / "whitening.P3.safetensors", "--overwrite", "--pooling", "P1")
    assert "was fitted on pooling P3, these vectors have pooling P1" in refused(*wrong)


def test_the_program_s_own_preset_is_not_written_into(refused, lines: Path) -> None:
    assert "name a file with --output" in refused("whiten", "fit", "-i", lines)


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    rows = [f"{a}\t{b}\t{int(a == b)}" for a in TEXTS for b in TEXTS]
    path = tmp_path / "pairs.tsv"
    path.write_text("\n".join(["text_a\ttext_b\tlabel", *rows]) + "\n", encoding="utf-8")
    return path


def test_thresholds_of_labelled_pairs(cli, labelled: Path, tiny_preset: Path, tmp_path: Path) -> None:
    files = ("--plot", tmp_path / "c.png", "-o", tmp_path / "t.json")
    result = cli("threshold", "-i", labelled, "-m", tiny_preset, "--precision", 0.99, "--json", *files)
    report = json.loads(result.out)
    assert report["best_f1"]["f1"] == report["precision"]["0.99"]["precision"] == 1
    assert report["best_f1"]["threshold"] == pytest.approx(1, abs=1e-5)
    assert json.loads((tmp_path / "t.json").read_text(encoding="utf-8")) == report
    assert (tmp_path / "c.png").stat().st_size > 1000


def test_constant_labels_are_refused(refused, tmp_path: Path, tiny_preset: Path) -> None:
    table = tmp_path / "ones.tsv"
    table.write_text("text_a\ttext_b\tlabel\n" + "花呗\t手机\t1\n" * 12, encoding="utf-8")
    assert "all 12 labels are 1" in refused("threshold", "-i", table, "-m", tiny_preset)


def test_missing_columns_are_named(refused, tmp_path: Path, tiny_preset: Path) -> None:
    table = tmp_path / "two.tsv"
    table.write_text("text_a\ttext_b\n花呗\t手机\n", encoding="utf-8")
    assert "label" in refused("threshold", "-i", table, "-m", tiny_preset)


@pytest.mark.parametrize("name", ["triples.tsv", "triples.jsonl.gz"])
def test_mined_triples_are_rows_that_training_reads(cli, faq: Path, tmp_path: Path, name: str) -> None:
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text('{"text_a": "怎么开通花呗", "text_b": "花呗如何开通"}\n', encoding="utf-8")
    output = tmp_path / name
    mined = ("mine-negatives", "-i", pairs, "--index", faq, "-o", output, "-n", 2, "--relative-margin", 0)
    counts = json.loads(cli(*mined, "--json").out)
    triples = list(read_triples(output))
    assert len(triples) == counts["triples"] > 0
    for triple in triples:
        assert (triple.anchor, triple.positive) == ("怎么开通花呗", "花呗如何开通")
        assert triple.negative in TEXTS[2:]


def test_options_of_mining_that_cannot_be_are_refused(
    refused, faq: Path, lines: Path, tmp_path: Path
) -> None:
    mine = ("mine-negatives", "-i", lines, "--index", faq, "-o")
    assert "expected FIRST-LAST" in refused(*mine, tmp_path / "t.tsv", "--ranks", "few")
    assert "ends in .tsv or .jsonl" in refused(*mine, tmp_path / "t.parquet")


def test_without_faiss_the_extra_is_named(
    refused, lines: Path, tiny_preset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    line = refused("index", "build", tmp_path / "faq", "-i", lines, "-m", tiny_preset)
    assert "pip install 'roformer-sim[search]'" in line
