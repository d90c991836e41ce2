"""STS tables: where they are found, what they are called, and what is measured on them."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import numpy as np
import pytest

from corpus_builder.errors import InputError
from roformer_sim.evaluation import evaluate_sts, find_sts_files, jaccard_baseline, read_sts_table


def angles(of: dict[str, float]):
    """Vectors in the plane: a sentence points at the angle (degrees) it is given, at twice the length."""

    def encode(texts: list[str]) -> dict[str, np.ndarray]:
        radians = np.radians([of[text] for text in texts])
        return {"P": 2 * np.stack([np.cos(radians), np.sin(radians)], axis=1)}

    return encode


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


def test_spearman_of_cosines_worked_out_by_hand(write_table) -> None:
    rows = [("一", "二", 3), ("一", "三", 1), ("二", "三", 2), ("一", "四", 0)]
    # Angles between them 10, 50, 40, 90 degrees: cosines rank 4 2 3 1, labels the same.
    directions = {"一": 0.0, "二": 10.0, "三": 50.0, "四": 90.0}
    table = read_sts_table(write_table("ATEC/valid.tsv", rows))
    assert evaluate_sts(angles(directions), [table]).scores == {"P": [pytest.approx(100)]}
    # With 四 at 5 degrees the last pair is the nearest: ranks 3 1 2 4 against 4 2 3 1, squares 1 1 1 9.
    scores = evaluate_sts(angles(directions | {"四": 5.0}), [table]).scores
    assert scores == {"P": [pytest.approx(100 * (1 - 6 * 12 / (4 * 15)))]}


def test_each_distinct_sentence_is_encoded_once_a_table(write_table) -> None:
    rows = [("一", "二", 1), ("二", "一", 0), ("一", "一", 2)]
    seen: list[list[str]] = []

    def encode(texts: list[str]) -> dict[str, np.ndarray]:
        seen.append(texts)
        return {"P": np.eye(len(texts), 3)}

    table = read_sts_table(write_table("ATEC/valid.tsv", rows))
    result = evaluate_sts(encode, [table, table], count_truncated=len)
    assert seen == [["一", "二"], ["一", "二"]]
    assert (result.sentences, result.truncated) == (4, [2, 2])


def test_averages_count_every_table_the_same(write_table) -> None:
    rows = [("一", "二", 1), ("一", "三", 0)]
    up = read_sts_table(write_table("a/valid.tsv", rows))
    down = read_sts_table(write_table("b/valid.tsv", [(a, b, -label) for a, b, label in rows] * 3))
    scores = evaluate_sts(angles({"一": 0.0, "二": 10.0, "三": 50.0}), [up, down])
    assert scores.scores == {"P": [pytest.approx(100), pytest.approx(-100)]}
    assert scores.average("P") == pytest.approx(0)


def test_a_model_that_says_the_same_of_every_pair_is_undefined_and_so_is_its_average(write_table) -> None:
    table = read_sts_table(write_table("ATEC/valid.tsv"))
    result = evaluate_sts(lambda texts: {"P": np.ones((len(texts), 2))}, [table])
    assert math.isnan(result.scores["P"][0]) and math.isnan(result.average("P"))


def test_zero_vectors_have_cosine_zero(write_table) -> None:
    rows = [("一", "二", 2), ("一", "三", 1), ("一", "四", 0)]
    vectors = {"一": [1, 0], "二": [1, 0], "三": [0, 0], "四": [-1, 0]}
    table = read_sts_table(write_table("ATEC/valid.tsv", rows))
    result = evaluate_sts(lambda texts: {"P": np.array([vectors[t] for t in texts], float)}, [table])
    assert result.scores["P"] == [pytest.approx(100)]


def test_an_encoder_that_loses_a_sentence_is_refused(write_table) -> None:
    table = read_sts_table(write_table("ATEC/valid.tsv"))
    with pytest.raises(InputError, match=r"mine: 8 sentences gave vectors of shape \(7, 2\)"):
        evaluate_sts(lambda texts: {"P": np.ones((len(texts) - 1, 2))}, [table], name="mine")


def test_jaccard_on_rows_counted_by_hand(write_table) -> None:
    rows = [
        ("花呗怎么还款", "花呗怎么还款？", 3),  # the same characters: 1
        ("花呗怎么还款", "花呗如何还款", 2),  # 4 of 8
        ("花呗怎么还款", "今天下雨", 1),  # 0 of 10
        ("花呗", "花呗怎么还款", 0),  # 2 of 6
    ]
    table = read_sts_table(write_table("ATEC/valid.tsv", rows))
    # Overlaps 1, 1/2, 0, 1/3 rank 4 3 1 2 against 4 3 2 1: squared differences 0 0 1 1.
    assert jaccard_baseline([table]).scores[""] == [pytest.approx(100 * (1 - 6 * 2 / (4 * 15)))]
