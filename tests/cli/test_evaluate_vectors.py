"""``roformer-sim evaluate geometry`` and ``evaluate probes``, from arguments to files."""

from __future__ import annotations

import csv
import json

import pytest

PNG = b"\x89PNG"


@pytest.fixture
def pairs(tmp_path):
    rows = [("广州和深圳哪个好", "深圳和广州哪个好", 1), ("怎么开通花呗", "花呗如何开通", 1)]
    rows += [("今天下雨", "苹果手机多少钱", 0), ("北京天气", "学习中文", 0), ("我明天出门", "便宜的书", 0)]
    path = tmp_path / "pairs.tsv"
    lines = ["text_a\ttext_b\tlabel", *(f"{a}\t{b}\t{label}" for a, b, label in rows)]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_geometry_of_two_vectors_of_a_preset_with_all_its_files(cli, tiny_preset, pairs, tmp_path):
    groups = tmp_path / "groups.jsonl"
    rows = [{"text": f"{t}吗", "synonyms": [f"{t}呢", f"{t}了"]} for t in ("北京", "上海", "手机")]
    groups.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    names = ["-e", tiny_preset, "-e", f"{tiny_preset}@P3"]
    out = tmp_path / "out"
    result = cli(
        *("evaluate", "geometry", "-p", pairs, *names, "--groups", groups, "--group-size", 3, "-o", out)
    )
    assert (result.code, result.err) == (0, "")
    assert "2 positives, pairs of label 1; 3 negatives, pairs of label 0" in result.out
    report = json.loads((out / "geometry.json").read_text("utf-8"))
    assert [e["dimensions"] for e in report["encoders"]] == [32, 32]
    assert report["encoders"][1]["name"] == f"{tiny_preset}@P3"
    for encoder in report["encoders"]:
        assert 0 <= encoder["alignment"] <= 4
        assert encoder["uniformity"] <= 0
        assert sum(encoder["variance_shares"]) == pytest.approx(1, abs=1e-4)
        assert len(report["groups"]["layouts"][encoder["name"]]) == len(report["groups"]["texts"]) == 9
    assert len(list(csv.DictReader((out / "geometry.csv").open(encoding="utf-8")))) == 2
    assert "1. 北京吗" in (out / "geometry.md").read_text("utf-8")
    for kind in ("", "_cosines", "_spectrum", "_groups"):
        assert (out / f"geometry{kind}.png").read_bytes().startswith(PNG)


def test_probes_of_a_preset_beside_both_baselines(cli, tiny_preset, tmp_path):
    (tmp_path / "cls" / "意图").mkdir(parents=True)
    lines = [
        f"{'怎么借钱' if i % 2 else '今天下雨'}{'广州深圳北京上海'[i % 8]}{i}\t{i % 2}" for i in range(24)
    ]
    (tmp_path / "cls" / "意图" / "all.tsv").write_text("\n".join(["text\tlabel", *lines]), encoding="utf-8")
    out = tmp_path / "out"
    result = cli("evaluate", "probes", "-d", tmp_path / "cls", "-e", tiny_preset, "--folds", 3, "-o", out)
    assert (result.code, result.err) == (0, "")
    report = json.loads((out / "probes.json").read_text("utf-8"))
    preset, characters, majority = report["probes"]
    assert preset["tables"]["意图"]["accuracy"] == characters["tables"]["意图"]["accuracy"] == 100
    assert majority["tables"]["意图"]["accuracy"] == 50
    assert report["tables"][0]["rows"] == 24
    assert (out / "probes.png").read_bytes().startswith(PNG)
    assert len(list(csv.DictReader((out / "probes.csv").open(encoding="utf-8")))) == 3
    assert "| 意图 all (2 classes) |" in (out / "probes.md").read_text("utf-8")


def test_wrong_input_is_one_line(refused, pairs, tmp_path):
    assert "has no vectors" in refused("evaluate", "geometry", "-p", pairs, "-e", "jaccard")
    assert "named twice" in refused("evaluate", "geometry", "-p", pairs, "-e", "use", "-e", "use")
    assert "cannot be read" in refused("evaluate", "geometry", "-p", tmp_path / "none.tsv")
    assert "no such file or folder" in refused("evaluate", "probes", "-d", tmp_path / "none")
    assert 'the column "text" is missing' in refused("evaluate", "probes", "-d", pairs)
