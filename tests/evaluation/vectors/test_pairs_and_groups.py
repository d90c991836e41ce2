"""Which pairs are positive and negative, and which groups are drawn."""

from __future__ import annotations

import json

import numpy as np
import pytest

from corpus_builder.errors import InputError
from roformer_sim.evaluation.vectors import (
    lay_out_groups,
    measure_geometry,
    read_labelled_pairs,
    read_text_groups,
)
from roformer_sim.evaluation.vectors.pairs import BY_CHANCE, BY_LABEL


def write_rows(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def test_graded_labels_are_positive_from_four_fifths_and_negative_at_zero(write_table):
    pairs = read_labelled_pairs(write_table("mine.tsv"))  # labels 5, 4, 2, 0
    assert pairs.positives == (("广州和深圳哪个好", "深圳和广州哪个好"), ("怎么开通花呗", "花呗如何开通"))
    assert pairs.negatives == (("苹果手机多少钱", "北京天气如何"),)
    assert (pairs.left_out, pairs.negatives_are, pairs.positives_are) == (
        1,
        BY_LABEL,
        "pairs of label 4 and above",
    )


def test_without_labels_negatives_are_re_pairings_that_are_no_pair_of_the_file(tmp_path):
    rows = [{"text_a": f"第{i}个问题", "text_b": f"问题第{i}"} for i in range(8)]
    path = write_rows(tmp_path / "mined.jsonl", rows)
    pairs = read_labelled_pairs(path, seed=3)
    assert (len(pairs.positives), len(pairs.negatives), pairs.negatives_are) == (8, 8, BY_CHANCE)
    assert not set(pairs.positives) & set(pairs.negatives)
    assert read_labelled_pairs(path, seed=3) == pairs != read_labelled_pairs(path, seed=4)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"text_a": "你好", "label": 1}], 'line 1: the column "text_b" is missing'),
        ([{"text_a": "你好", "text_b": "  "}], 'line 1: "text_b" is empty'),
        ([{"text_a": "你好", "text_b": 5}], '"text_b" must be a string'),
        ([{"text_a": "你好", "text_b": "您好", "label": "高"}], "'高' is not a number"),
        ([{"text_a": "你好", "text_b": "您好", "label": -1}], "at least 0"),
        (
            [{"text_a": "你", "text_b": "您", "label": 1}, {"text_a": "我", "text_b": "他"}],
            "line 2: some rows",
        ),
        ([{"text_a": "你好", "text_b": "您好", "label": 0}], "no positive pair"),
        ([{"text_a": "你好", "text_b": "您好"}], "cannot be paired differently"),
    ],
)
def test_bad_pairs_are_named(tmp_path, rows, message):
    with pytest.raises(InputError, match=message):
        read_labelled_pairs(write_rows(tmp_path / "bad.jsonl", rows))


def test_groups_of_enough_texts_are_drawn_by_the_seed(tmp_path):
    rows = [{"text": f"题{i}", "synonyms": [f"题{i}甲", f"题{i}乙"][: 1 + i % 2]} for i in range(10)]
    path = write_rows(tmp_path / "groups.jsonl", rows)
    groups = read_text_groups(path, count=3, least=3, seed=1)
    assert (len(groups.groups), groups.of, len(groups.texts)) == (3, 5, 9)
    assert groups.numbers.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    with pytest.raises(InputError, match="0 groups of at least 9"):
        read_text_groups(path, least=9)


def test_groups_that_lie_apart_are_laid_out_apart_and_alike_each_time():
    rng = np.random.default_rng(0)
    numbers = np.repeat(np.arange(3), 6)
    vectors = np.eye(3)[numbers] + 0.02 * rng.standard_normal((18, 3))
    picture = lay_out_groups(vectors, numbers, seed=5)
    assert picture.nearest_share == 1.0
    np.testing.assert_array_equal(picture.places, lay_out_groups(vectors, numbers, seed=5).places)
    distances = np.linalg.norm(picture.places[:, None] - picture.places, axis=2) + 1e9 * np.eye(18)
    assert (numbers[distances.argmin(axis=1)] == numbers).all()


def test_figures_of_an_encoder_that_knows_the_answer(write_table):
    angles = {"广州": 0, "深圳": 0, "怎么": 90, "花呗": 90, "苹果": 0, "北京": 180, "今天": 0, "明天": 0}

    def encode(texts):
        degrees = np.radians([angles[text[:2]] for text in texts])
        return np.stack([np.cos(degrees), np.sin(degrees)], axis=1)

    found = measure_geometry(encode, read_labelled_pairs(write_table("mine.tsv")), name="答案")
    assert found.alignment == pytest.approx(0, abs=1e-12)
    assert (found.auc, found.sentences, found.dimensions) == (1.0, 6, 2)
    assert found.positive_cosines.tolist() == [1, 1]
    assert found.negative_cosines.tolist() == [-1]
