"""What is read and written: every format into every other, with the columns beside the text."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import pytest
from file_runs import augment, generate

from corpus_builder.readers import read_groups, read_objects
from roformer_sim.generation.augment import text_seed

TEXTS = ["怎么开通花呗", '他说“好”,"行"', "广州和深圳哪个好？", "明天下雨吗"]
NOTES = ["a,b", 'x"y', "", "第二\n行"]


def expected(text: str, seed: int = 0) -> list[str]:
    return [synonym.text for synonym in generate([text], [text_seed(seed, text)])[0]]


def rows_of(path: Path) -> list[dict[str, object]]:
    return [row for _, row in read_objects(path)]


@pytest.fixture
def inputs(write) -> dict[str, Path]:
    """The same rows in each format; TSV and plain text cannot hold the line end in a note."""
    rows = [{"id": str(i), "text": t, "note": n} for i, (t, n) in enumerate(zip(TEXTS, NOTES, strict=True))]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    table = write("q.csv", "")
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["id", "text", "note"])
        writer.writeheader()
        writer.writerows(rows)
    flat = [[row["id"], row["text"], row["note"].replace("\n", " ")] for row in rows]
    return {
        "jsonl": write("q.jsonl", lines),
        "jsonl.gz": write("q.jsonl.gz", gzip.compress(lines.encode())),
        "csv": table,
        "tsv": write("q.tsv", "\n".join("\t".join(cells) for cells in [["id", "text", "note"], *flat])),
        "txt": write("q.txt", "\n".join(TEXTS)),
    }


@pytest.mark.parametrize("written", ["jsonl", "csv", "tsv", "jsonl.gz", "csv.xz", "tsv.zst"])
@pytest.mark.parametrize("read", ["jsonl", "jsonl.gz", "csv", "tsv", "txt"])
def test_every_format_into_every_other_keeps_the_columns(inputs, tmp_path, read: str, written: str) -> None:
    output = tmp_path / f"out.{written}"
    if written.startswith("tsv") and read in ("jsonl", "jsonl.gz", "csv"):
        inputs[read] = inputs["tsv"]  # whose notes fit
    summary = augment(inputs[read], output, block_size=3)
    assert summary.rows == 4 and summary.variants == sum(len(expected(text)) for text in TEXTS)
    before = rows_of(inputs[read])
    for old, new in zip(before, rows_of(output), strict=True):
        assert {name: new[name] for name in old} == old
        assert [name for name in new if name not in old] == ["synonyms"]
    assert [(g.text, list(g.synonyms)) for g in read_groups(output)] == [(t, expected(t)) for t in TEXTS]


@pytest.mark.parametrize("written", ["jsonl", "csv"])
def test_exploded_there_is_a_row_for_each_variant_with_the_columns_repeated(
    inputs, tmp_path, written
) -> None:
    output = tmp_path / f"out.{written}"
    augment(inputs["csv"], output, explode=True)
    rows = rows_of(output)
    assert [(row["text"], row["synonym"]) for row in rows] == [(t, s) for t in TEXTS for s in expected(t)]
    assert {tuple(row) for row in rows} == {("id", "text", "note", "synonym", "score")}
    assert all(row["note"] == NOTES[int(str(row["id"]))] and 0 <= float(row["score"]) <= 1 for row in rows)


def test_scores_stand_beside_the_synonyms_in_their_order(inputs, tmp_path) -> None:
    augment(inputs["jsonl"], tmp_path / "out.jsonl", scores=True)
    augment(inputs["jsonl"], tmp_path / "out.csv", scores=True)
    lines, table = rows_of(tmp_path / "out.jsonl"), rows_of(tmp_path / "out.csv")
    for text, row, cells in zip(TEXTS, lines, table, strict=True):
        made = generate([text], [text_seed(0, text)])[0]
        assert row["scores"] == [round(synonym.score, 4) for synonym in made]
        assert json.loads(str(cells["scores"])) == row["scores"]


def test_plain_text_has_the_text_and_its_variants_between_tabs_or_the_variants_alone(
    inputs, tmp_path
) -> None:
    augment(inputs["txt"], tmp_path / "a.txt")
    augment(inputs["txt"], tmp_path / "b.txt", explode=True)
    lines = (tmp_path / "a.txt").read_text(encoding="utf-8").split("\n")
    assert lines == ["\t".join([text, *expected(text)]) for text in TEXTS] + [""]
    lines = (tmp_path / "b.txt").read_text(encoding="utf-8").split("\n")
    assert lines == [variant for text in TEXTS for variant in expected(text)] + [""]


def test_values_of_json_lines_are_kept_as_they_are(write, tmp_path) -> None:
    values = {
        "n": 1,
        "big": 2**64 - 1,
        "f": 0.1,
        "none": None,
        "list": [1, {"a": "乙"}],
        "text": "你好",
        "t": True,
    }
    source = write("q.jsonl", json.dumps(values, ensure_ascii=False))
    augment(source, tmp_path / "out.jsonl")
    (row,) = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert row == {**values, "synonyms": expected("你好")}
    augment(source, tmp_path / "out.csv")
    (cells,) = rows_of(tmp_path / "out.csv")
    assert (cells["big"], cells["none"], cells["list"]) == (str(2**64 - 1), "", '[1, {"a": "乙"}]')


def test_a_table_of_json_lines_has_the_columns_of_all_rows(write, tmp_path) -> None:
    source = write("q.jsonl", '{"text": "甲", "a": 1}\n{"b": 2, "text": "乙"}\n')
    augment(source, tmp_path / "out.csv")
    rows = rows_of(tmp_path / "out.csv")
    assert [(row["text"], row["a"], row["b"]) for row in rows] == [("甲", "1", ""), ("乙", "", "2")]


def test_several_files_follow_one_another(inputs, tmp_path) -> None:
    augment([inputs["csv"], inputs["txt"]], tmp_path / "out.jsonl", block_size=3)
    assert [row["text"] for row in rows_of(tmp_path / "out.jsonl")] == TEXTS * 2


def test_another_column_another_ending_and_another_encoding(write, tmp_path) -> None:
    source = write("q.dat", '{"问题": "怎么开通花呗"}\n'.encode("gb18030"))
    augment(source, tmp_path / "out.jsonl", column="问题", jsonl=True, encoding="gb18030")
    assert rows_of(tmp_path / "out.jsonl") == [{"问题": "怎么开通花呗", "synonyms": expected("怎么开通花呗")}]


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "csv.xz", "csv.zst"])
def test_a_table_without_rows_becomes_one(write, tmp_path, ending: str) -> None:
    output = tmp_path / f"out.{ending}"
    assert augment(write("q.csv", "id,text\n"), output).rows == 0
    assert rows_of(output) == []
    again = augment(output, tmp_path / "again.jsonl", column="text", explode=True)
    assert again.rows == 0


def test_the_result_depends_neither_on_blocks_nor_on_where_a_text_stands(inputs, tmp_path) -> None:
    whole = (augment(inputs["jsonl"], tmp_path / "a.jsonl"), (tmp_path / "a.jsonl").read_bytes())[1]
    for size in (1, 3):
        augment(inputs["jsonl"], tmp_path / f"{size}.jsonl", block_size=size)
        assert (tmp_path / f"{size}.jsonl").read_bytes() == whole
    inputs["txt"].write_text("\n".join(reversed(TEXTS)), encoding="utf-8")
    augment(inputs["txt"], tmp_path / "reversed.jsonl")
    synonyms = {row["text"]: row["synonyms"] for row in rows_of(tmp_path / "a.jsonl")}
    assert {row["text"]: row["synonyms"] for row in rows_of(tmp_path / "reversed.jsonl")} == synonyms


def test_another_seed_gives_other_variants(inputs, tmp_path) -> None:
    for seed in (1, 2):
        augment(inputs["jsonl"], tmp_path / f"{seed}.jsonl", seed=seed)
    assert (tmp_path / "1.jsonl").read_bytes() != (tmp_path / "2.jsonl").read_bytes()
