"""Probes: planted classes are found, noise is not, and nothing of a fold is seen before it."""

from __future__ import annotations

import numpy as np
import pytest

from corpus_builder.errors import InputError
from roformer_sim.evaluation.probes import (
    find_class_files,
    probe_majority,
    probe_texts,
    probe_vectors,
    read_class_table,
)

LABELS = ["好", "坏", "中"] * 20


def planted(strength):
    rng = np.random.default_rng(0)
    directions = {"好": [1, 0, 0, 0], "坏": [0, 1, 0, 0], "中": [0, 0, 1, 0]}
    return strength * np.array([directions[label] for label in LABELS]) + rng.standard_normal((60, 4))


def write(path, rows, header="text\tlabel"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *("\t".join(row) for row in rows)]) + "\n", encoding="utf-8")
    return path


def test_planted_classes_are_read_off_and_noise_is_not():
    clear, noise = probe_vectors(planted(9), LABELS), probe_vectors(planted(0), LABELS)
    assert clear.mean("accuracy").value == 100
    assert clear.mean("macro_f1") == (100, 0)
    assert noise.mean("accuracy").value < 60
    assert len(clear.strengths) == 5


def test_the_same_seed_gives_the_same_figures():
    assert probe_vectors(planted(1), LABELS, seed=2) == probe_vectors(planted(1), LABELS, seed=2)
    assert probe_vectors(planted(1), LABELS, seed=2) != probe_vectors(planted(1), LABELS, seed=3)


def test_the_majority_class_has_the_accuracy_of_its_share_and_the_f1_of_one_class():
    scores = probe_majority(["好"] * 30 + ["坏"] * 10)
    assert scores.mean("accuracy") == (75, 0)
    assert scores.mean("macro_f1").value == pytest.approx(100 * (2 * 0.75 / 1.75) / 2)


def test_the_standard_error_is_that_of_the_mean_of_folds():
    scores = probe_vectors(planted(1), LABELS, folds=4)
    values = np.array(scores.accuracy)
    expected = 100 * np.sqrt(((values - values.mean()) ** 2).sum() / 3 / 4)
    assert scores.mean("accuracy").error == pytest.approx(expected)


def test_a_bag_of_characters_knows_words_but_not_texts_that_share_none():
    reviews = [f"{'味道很好' if i % 2 else '太难吃了'}，第{i}次来" for i in range(30)]
    assert probe_texts(reviews, ["1" if i % 2 else "0" for i in range(30)]).mean("accuracy").value == 100


@pytest.mark.parametrize(
    ("labels", "folds", "message"),
    [
        (["好"] * 60, 5, "two classes"),
        (["好"] * 57 + ["坏"] * 3, 5, "坏 has 3 rows; 5 folds"),
        (LABELS[:59], 5, "60 rows but 59 labels"),
        (LABELS, 2, "at least 3"),
    ],
)
def test_what_cannot_be_probed_is_refused(labels, folds, message):
    with pytest.raises(InputError, match=message):
        probe_vectors(planted(1), labels, folds=folds)


def test_a_table_says_what_it_left_out(tmp_path):
    rows = [(f"文本{i}", "甲" if i % 2 else "乙") for i in range(20)]
    rows += [("文本0", "甲"), ("文本1", "甲"), ("罕见", "丙")]
    table = read_class_table(write(tmp_path / "情感" / "valid.tsv", rows), folds=3)
    assert (table.title, table.classes) == ("情感 valid (20 rows, 2 classes)", 2)
    assert table.notes == (
        "2 rows repeat a text and are left out (1 with another class)",
        "1 classes of fewer than 3 texts left out (1 texts)",
    )
    sample = read_class_table(tmp_path / "情感" / "valid.tsv", folds=3, rows=12)
    assert len(sample.texts) <= 12
    assert set(sample.texts) < set(table.texts) | {"罕见"}


@pytest.mark.parametrize(
    ("header", "rows", "message"),
    [
        ("text\tclass", [("你好", "1")], 'line 2: the column "label" is missing'),
        ("sentence\tlabel", [("你好", "1")], 'line 2: the column "text" is missing'),
        ("text\tlabel", [("你好", "1"), (" ", "0")], 'line 3: "text" is empty .--skip-empty'),
        ("text\tlabel", [("你好", " ")], "label ' ' must be"),
        ("text\tlabel", [("你好", "1"), ("您好", "0")], "2 distinct texts; 3 folds"),
        ("text\tlabel", [("甲", "1"), ("乙", "1"), ("丙", "1")], "one class, '1'"),
        ("text\tlabel", [("甲", "1"), ("乙", "0"), ("丙", "0")], "0 classes have the 3 texts"),
    ],
)
def test_bad_tables_are_named(tmp_path, header, rows, message):
    with pytest.raises(InputError, match=message):
        read_class_table(write(tmp_path / "bad.tsv", rows, header), folds=3)


def test_of_a_folder_each_set_gives_one_file(tmp_path):
    for name in ("a/valid.tsv", "a/train.tsv", "b/all.tsv", "c/train.tsv"):
        write(tmp_path / name, [("你好", "1")])
    assert [str(path.relative_to(tmp_path)) for path in find_class_files([tmp_path])] == [
        "a/valid.tsv",
        "b/all.tsv",
        "c/train.tsv",
    ]
    assert [path.parent.name for path in find_class_files([tmp_path], names=["c", "b"])] == ["c", "b"]
    with pytest.raises(InputError, match="no set x; found: a, b, c"):
        find_class_files([tmp_path], names=["x"])
    with pytest.raises(InputError, match=r"holds no test\.tsv"):
        find_class_files([tmp_path], split="test")
    with pytest.raises(InputError, match="a is named twice"):
        find_class_files([tmp_path, tmp_path / "a" / "train.tsv"])
