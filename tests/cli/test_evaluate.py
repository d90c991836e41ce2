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


def test_a_folder_of_tables_is_measured_with_all_poolings_and_jaccard(cli, tiny_preset, data: Path) -> None:
    result = cli("evaluate", "sts", "--data", data, "-m", tiny_preset, "--json")
    assert (result.code, result.err) == (0, "")
    report = json.loads(result.out)
    assert [(table["name"], table["split"], table["rows"]) for table in report["tables"]] == [
        ("ATEC", "valid", 4),
        ("BQ", "valid", 3),
    ]
    [model] = report["models"]
    assert model["name"] == str(tiny_preset)
    assert list(model["scores"]) == ["P1", "P2", "P3", "P4"]
    assert model["sentences"] == 8 + 6
    # The character overlap of these rows falls with their labels.
    assert report["character_jaccard"] == {"ATEC": 100.0, "BQ": 100.0, "average": 100.0}


def test_models_stand_side_by_side_and_in_the_written_report(
    cli, tiny_preset, data: Path, tmp_path: Path
) -> None:
    # In no order that many networks would agree on.
    rows = [
        *ROWS,
        ("怎么开通花呗", "花呗怎么关闭", 1),
        ("今天天气真好", "天气预报准吗", 3),
        ("你好", "您好", 2),
    ]
    lines = ["text_a\ttext_b\tlabel", *(f"{a}\t{b}\t{label}" for a, b, label in rows)]
    (data / "ATEC" / "valid.tsv").write_text("\n".join(lines), encoding="utf-8")
    other = tmp_path / "other"
    other.symlink_to(tiny_preset)
    arguments = ["-m", tiny_preset, "--compare", other, "--untrained", "-o", tmp_path / "report"]
    result = cli("evaluate", "sts", "--data", data / "ATEC" / "valid.tsv", *arguments)
    assert (result.code, result.err) == (0, "")
    assert "untrained (seed 0)" in result.out
    report = json.loads((tmp_path / "report" / "sts.json").read_text("utf-8"))
    trained, compared, untrained = report["models"]
    assert trained["scores"] == compared["scores"] != untrained["scores"]
    assert [trained["untrained"], compared["untrained"], untrained["untrained"]] == [False, False, True]
    assert set(report["above_untrained"]) == {"P1", "P2", "P3", "P4", "best"}
    assert "| ATEC valid (7) |" in (tmp_path / "report" / "sts.md").read_text("utf-8")


def test_require_better_fails_unless_the_untrained_network_is_beaten(
    cli, tiny_preset, data: Path, tmp_path: Path
) -> None:
    # Labels the other way round: the fewer characters two sentences share, the higher.
    opposite = [(a, b, -label) for a, b, label in ROWS]
    for name, rows in (("usual", ROWS), ("opposite", opposite)):
        lines = ["text_a\ttext_b\tlabel", *(f"{a}\t{b}\t{label}" for a, b, label in rows)]
        (tmp_path / f"{name}.tsv").write_text("\n".join(lines), encoding="utf-8")
    arguments = ["-m", tiny_preset, "--untrained", "--require-better", "--json"]
    # Whatever the random weights rank, they cannot beat it on a table and on its opposite.
    both = cli("evaluate", "sts", "-d", tmp_path / "usual.tsv", "-d", tmp_path / "opposite.tsv", *arguments)
    assert both.code == 1
    assert both.err == "error: the model does not beat the untrained network on every table\n"
    json.loads(both.out)


def test_wrong_arguments_are_refused(refused, tiny_preset, data: Path, tmp_path: Path) -> None:
    model = ["-m", tiny_preset]
    assert "holds no test.tsv" in refused("evaluate", "sts", "-d", data, "--split", "test", *model)
    assert "no such file or folder" in refused("evaluate", "sts", "-d", tmp_path / "none", *model)
    assert "give --untrained too" in refused("evaluate", "sts", "-d", data, "--require-better", *model)
    assert "twice" in refused("evaluate", "sts", "-d", data, *model, "--compare", tiny_preset)
    (data / "BQ" / "valid.tsv").write_text("text_a\ttext_b\tlabel\n今天\t明天\n", encoding="utf-8")
    assert "valid.tsv, line 2: expected 3 columns, found 2" in refused("evaluate", "sts", "-d", data, *model)
    (tmp_path / "file").write_text("")
    message = refused("evaluate", "sts", "-d", data / "ATEC", "-o", tmp_path / "file" / "report", *model)
    assert "cannot be written" in message
