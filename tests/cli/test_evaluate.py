"""``roformer-sim evaluate sts``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

ROWS = [
    ("广州和深圳哪个好", "深圳和广州哪个好", 5),
    ("怎么开通花呗", "花呗如何开通", 4),
    ("今天下雨", "明天下雪吗", 2),
    ("苹果手机多少钱", "北京天气如何", 0),
]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name, rows in (("ATEC", ROWS), ("BQ", ROWS[1:])):
        (tmp_path / "sts" / name).mkdir(parents=True)
        lines = ["text_a\ttext_b\tlabel", *(f"{a}\t{b}\t{label}" for a, b, label in rows)]
        (tmp_path / "sts" / name / "valid.tsv").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path / "sts"


FAST = ["--resamples", 20]


def test_a_folder_of_tables_is_measured_with_all_poolings_whitenings_and_jaccard(
    cli, tiny_preset, data: Path
) -> None:
    result = cli("evaluate", "sts", "--data", data, "--encoder", tiny_preset, "--json", *FAST)
    assert (result.code, result.err) == (0, "")
    report = json.loads(result.out)
    assert [(table["name"], table["split"], table["rows"]) for table in report["tables"]] == [
        ("ATEC", "valid", 4),
        ("BQ", "valid", 3),
    ]
    model, jaccard = report["encoders"]
    assert (model["name"], model["sentences"], model["dimensions"]) == (str(tiny_preset), 8 + 6, 32)
    assert list(model["scores"]) == ["P1", "P2", "P3", "P4"]
    assert {tuple(figures) for figures in model["scores"].values()} == {("raw", "whitening", "whitening-256")}
    # The character overlap of these rows falls with their labels.
    assert jaccard["name"] == "character Jaccard"
    assert {figure["spearman"] for figure in jaccard["scores"]["-"]["-"].values()} == {100.0}


def test_any_encoder_stands_beside_and_in_the_written_report(
    cli, tiny_preset, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_code.py").write_text(
        "import numpy as np\n"
        "def encode(texts):\n"
        "    return np.array([[1 + text.count(c) for c in '花呗广州今天开通'] for text in texts])\n",
        encoding="utf-8",
    )
    monkeypatch.chdir(tmp_path)
    arguments = [
        "-e",
        f"{tiny_preset}@P3",
        "-e",
        "python:own_code:encode",
        "--untrained",
        "-o",
        tmp_path / "out",
    ]
    result = cli("evaluate", "sts", "--data", data, "--sets", "ATEC", *arguments, *FAST)
    assert (result.code, result.err) == (0, "")
    assert "untrained (seed 0)" in result.out
    report = json.loads((tmp_path / "out" / "sts.json").read_text("utf-8"))
    names = [f"{tiny_preset}@P3", "untrained (seed 0)", "python:own_code:encode", "character Jaccard"]
    assert [encoder["name"] for encoder in report["encoders"]] == names
    assert [encoder["untrained"] for encoder in report["encoders"]] == [False, True, False, False]
    assert [list(encoder["scores"]) for encoder in report["encoders"]] == [["P3"], ["P3"], ["-"], ["-"]]
    assert set(report["above_untrained"]) == {"ATEC"}
    assert "python:own_code:encode" in (tmp_path / "out" / "sts.html").read_text("utf-8")
    assert "| ATEC valid (4) |" in (tmp_path / "out" / "sts.md").read_text("utf-8")


def test_require_better_fails_unless_the_untrained_network_is_beaten(
    cli, tiny_preset, data: Path, tmp_path: Path
) -> None:
    # Labels the other way round: the fewer characters two sentences share, the higher.
    opposite = [(a, b, -label) for a, b, label in ROWS]
    for name, rows in (("usual", ROWS), ("opposite", opposite)):
        lines = ["text_a\ttext_b\tlabel", *(f"{a}\t{b}\t{label}" for a, b, label in rows)]
        (tmp_path / f"{name}.tsv").write_text("\n".join(lines), encoding="utf-8")
    arguments = ["-m", f"{tiny_preset}@P1", "--untrained", "--require-better", "--json", *FAST]
    # Each is the other's mirror: the best variant of one network cannot beat the other's on both.
    both = cli("evaluate", "sts", "-d", tmp_path / "usual.tsv", "-d", tmp_path / "opposite.tsv", *arguments)
    assert both.code == 1
    assert both.err == "error: the model does not beat the untrained network on every table\n"
    json.loads(both.out)


def test_a_set_that_is_missing_is_said(cli, data: Path) -> None:
    result = cli("evaluate", "sts", "-d", data, "--sets", "five", "-e", "jaccard", *FAST)
    assert result.code == 0
    assert "no valid table of LCQMC, PAWSX, STS-B; left out" in result.err
    assert result.out.count("character Jaccard") == 1


def test_constant_labels_are_said_to_be_undefined(cli, data: Path) -> None:
    (data / "BQ" / "valid.tsv").write_text("text_a\ttext_b\tlabel\n今\t明\t1\n昨\t今\t1\n", encoding="utf-8")
    result = cli("evaluate", "sts", "-d", data, "-e", "jaccard", *FAST)
    assert result.code == 0
    assert "character Jaccard on BQ: undefined, all 2 labels are 1." in result.out
    assert "nan" not in result.out


def test_wrong_arguments_are_refused(refused, tiny_preset, data: Path, tmp_path: Path) -> None:
    model = ["-m", tiny_preset]
    assert "holds no test.tsv" in refused("evaluate", "sts", "-d", data, "--split", "test", *model)
    assert "no such file or folder" in refused("evaluate", "sts", "-d", tmp_path / "none", *model)
    assert "none of the sets PAWSX is there" in refused(
        "evaluate", "sts", "-d", data, "--sets", "PAWSX", *model
    )
    assert "give --untrained too" in refused("evaluate", "sts", "-d", data, "--require-better", *model)
    assert "named twice" in refused("evaluate", "sts", "-d", data, *model, "-e", tiny_preset)
    assert "is no preset" in refused("evaluate", "sts", "-d", data, "-e", "jaccard", "--untrained")
    message = refused("evaluate", "sts", "-d", data, "-e", "no_such_thing")
    assert message.startswith("error: encoder no_such_thing: ") and "sentence-transformers:NAME" in message
    (data / "BQ" / "valid.tsv").write_text("text_a\ttext_b\tlabel\n今天\t明天\n", encoding="utf-8")
    assert "valid.tsv, line 2: expected 3 columns, found 2" in refused("evaluate", "sts", "-d", data, *model)
    (tmp_path / "file").write_text("")
    message = refused("evaluate", "sts", "-d", data / "ATEC", "-o", tmp_path / "file" / "report", *model)
    assert "cannot be written" in message


def test_public_files_become_tables(cli, refused, tmp_path: Path) -> None:
    path = tmp_path / "downloads" / "BQ" / "dev.tsv"
    path.parent.mkdir(parents=True)
    path.write_text("花呗怎么还\t怎么还花呗\t1\n今天下雨\t花呗是什么\t0\n", encoding="utf-8")
    result = cli("prepare-sts", tmp_path / "downloads", "-o", tmp_path / "sts")
    assert (result.code, result.err) == (0, "")
    assert result.out == f"{tmp_path / 'sts' / 'BQ' / 'valid.tsv'}: 2 pairs (labels 0: 1, 1: 1)\n"
    assert cli("evaluate", "sts", "-d", tmp_path / "sts", "-e", "jaccard", *FAST).code == 0
    assert "is there already" in refused("prepare-sts", tmp_path / "downloads", "-o", tmp_path / "sts")
    assert "nothing to prepare" in refused("prepare-sts")
    assert "must be one of" in refused("prepare-sts", "--hub", "SNLI")
    assert "no file of the splits test" in refused("prepare-sts", tmp_path / "downloads", "--split", "test")
