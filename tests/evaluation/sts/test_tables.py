"""STS tables: where they are found and what they are called."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from corpus_builder.errors import InputError
from roformer_sim.evaluation import find_sts_files, read_sts_table


@pytest.mark.parametrize(
    ("path", "name", "split"),
    [
        ("ATEC/valid.tsv", "ATEC", "valid"),
        ("ATEC/train_plus.tsv", "ATEC", "train_plus"),
        ("BQ.test.tsv", "BQ", "test"),
        ("STS-B_dev.tsv", "STS-B", "dev"),
        ("sets/mine.tsv", "mine", "unnamed"),
        ("sets/testament.tsv", "testament", "unnamed"),
    ],
)
def test_name_and_split_come_from_the_path(write_table, path: str, name: str, split: str) -> None:
    table = read_sts_table(write_table(path))
    assert (table.name, table.split, table.rows) == (name, split, 4)
    assert table.title == f"{name} {split} (4)"


def test_compressed_tables_are_named_alike(write_table) -> None:
    path = write_table("BQ/valid.tsv")
    packed = path.with_name("valid.tsv.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert read_sts_table(packed).labels == read_sts_table(path).labels
    assert read_sts_table(packed).split == "valid"


def test_folders_are_searched_one_level_down_for_the_split(write_table, tmp_path: Path) -> None:
    wanted = [write_table("BQ/valid.tsv"), write_table("ATEC/valid.tsv")]
    test = write_table("BQ/test.tsv")
    assert find_sts_files([tmp_path]) == sorted(wanted)
    assert find_sts_files([tmp_path], split="test") == [test]
    assert find_sts_files([tmp_path / "BQ", wanted[1]]) == wanted


def test_places_without_a_table_are_refused(write_table, tmp_path: Path) -> None:
    table = write_table("ATEC/valid.tsv")
    with pytest.raises(InputError, match=r"holds no test\.tsv"):
        find_sts_files([tmp_path], split="test")
    with pytest.raises(InputError, match="no such file or folder"):
        find_sts_files([tmp_path / "none"])
    with pytest.raises(InputError, match="named twice"):
        find_sts_files([tmp_path, table])


def test_damaged_tables_are_refused_with_their_line(write_table, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"valid\.tsv, line 3: the label 'x' is not a number"):
        read_sts_table(write_table("a/valid.tsv", [("今天", "明天", 1), ("北京", "上海", "x")]))
    with pytest.raises(InputError, match="needs at least 2"):
        read_sts_table(write_table("b/valid.tsv", [("今天", "明天", 1)]))


def test_json_lines_hold_the_same_rows(write_table, tmp_path: Path) -> None:
    table = read_sts_table(write_table("BQ/valid.tsv"))
    path = tmp_path / "LCQMC" / "valid.jsonl"
    path.parent.mkdir()
    rows = zip(table.texts_a, table.texts_b, table.labels, strict=True)
    lines = [json.dumps({"text_a": a, "text_b": b, "label": label}) for a, b, label in rows]
    path.write_text("\n".join(lines), encoding="utf-8")
    again = read_sts_table(path)
    assert (again.name, again.split) == ("LCQMC", "valid")
    assert (again.texts_a, again.labels) == (table.texts_a, table.labels)
    assert path in find_sts_files([tmp_path])


def test_sets_are_chosen_by_name_and_the_published_five_come_first(write_table, tmp_path: Path) -> None:
    files = {name: write_table(f"{name}/valid.tsv") for name in ("AFQMC", "STS-B", "ATEC")}
    assert find_sts_files([tmp_path]) == [files["ATEC"], files["STS-B"], files["AFQMC"]]
    assert find_sts_files([tmp_path], names=["AFQMC", "BQ"]) == [files["AFQMC"]]
    with pytest.raises(InputError, match="none of the sets BQ is there; found: ATEC, STS-B, AFQMC"):
        find_sts_files([tmp_path], names=["BQ"])


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    path = tmp_path / "valid.tsv"
    path.write_text("text_a\ttext_b\n今天\t明天\n", encoding="utf-8")
    with pytest.raises(InputError, match="columns text_a, text_b, label"):
        read_sts_table(path)
