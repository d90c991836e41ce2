"""What is measured on a table: every pooling, raw and whitened, with intervals, or why it is undefined."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from corpus_builder.errors import InputError
from roformer_sim.evaluation import character_jaccard, evaluate_pairs, evaluate_sts, read_sts_table
from roformer_sim.evaluation.sts import Bootstrap, StsScores, Variant

FEW = Bootstrap(resamples=50)


def values(scores: StsScores, pooling: str = "P", whitening: str = "raw") -> list[float]:
    """Spearman of each table."""
    return [figure.spearman.value for figure in scores.figures[Variant(pooling, whitening)]]


def of_texts(vectors: dict[str, Any]):
    """An encoder that knows these sentences."""
    return lambda texts: {"P": np.array([vectors[text] for text in texts], float)}


def angles(of: dict[str, float]):
    """Vectors in the plane: a sentence points at the angle (degrees) it is given, at twice the length."""

    def encode(texts: list[str]) -> dict[str, np.ndarray]:
        radians = np.radians([of[text] for text in texts])
        return {"P": 2 * np.stack([np.cos(radians), np.sin(radians)], axis=1)}

    return encode


def test_spearman_of_cosines_worked_out_by_hand(write_table) -> None:
    rows = [("一", "二", 3), ("一", "三", 1), ("二", "三", 2), ("一", "四", 0)]
    # Angles between them 10, 50, 40, 90 degrees: cosines rank 4 2 3 1, labels the same.
    directions = {"一": 0.0, "二": 10.0, "三": 50.0, "四": 90.0}
    table = read_sts_table(write_table("ATEC/valid.tsv", rows))
    assert values(evaluate_sts(angles(directions), [table])) == [pytest.approx(100)]
    # With 四 at 5 degrees the last pair is the nearest: ranks 3 1 2 4 against 4 2 3 1, squares 1 1 1 9.
    scores = evaluate_sts(angles(directions | {"四": 5.0}), [table])
    assert values(scores) == [pytest.approx(100 * (1 - 6 * 12 / (4 * 15)))]


def test_each_distinct_sentence_is_encoded_once_a_table(write_table) -> None:
    rows = [("一", "二", 1), ("二", "一", 0), ("一", "一", 2)]
    seen: list[list[str]] = []

    def encode(texts: list[str]) -> np.ndarray:
        seen.append(texts)
        return np.eye(len(texts), 3)

    table = read_sts_table(write_table("ATEC/valid.tsv", rows))
    result = evaluate_sts(encode, [table, table], count_truncated=len, bootstrap=FEW)
    assert seen == [["一", "二"], ["一", "二"]]
    assert (result.sentences, result.truncated, result.dimensions) == (4, [2, 2], 3)
    assert list(result.figures) == [("", "raw"), ("", "whitening"), ("", "whitening-256")]


def test_the_macro_average_counts_tables_alike_and_the_weighted_one_pairs(write_table) -> None:
    rows = [("一", "二", 1), ("一", "三", 0)]
    up = read_sts_table(write_table("a/valid.tsv", rows))
    down = read_sts_table(write_table("b/valid.tsv", [(a, b, -label) for a, b, label in rows] * 3))
    scores = evaluate_sts(angles({"一": 0.0, "二": 10.0, "三": 50.0}), [up, down], bootstrap=FEW)
    assert values(scores) == [pytest.approx(100), pytest.approx(-100)]
    assert scores.macro(Variant("P", "raw")).spearman.value == pytest.approx(0)
    assert scores.weighted(Variant("P", "raw")).spearman.value == pytest.approx((2 * 100 - 6 * 100) / 8)


def test_whitening_is_what_numpy_says_of_both_sides(write_table) -> None:
    rng = np.random.default_rng(3)
    rows = [(f"句{i}", f"句{(i + 7) % 40}", float(rng.integers(5))) for i in range(60)]
    table = read_sts_table(write_table("ATEC/valid.tsv", rows))
    mixing = rng.standard_normal((20, 20))
    vectors = {f"句{i}": rng.standard_normal(20) @ mixing + 2 for i in range(60)}
    scores = evaluate_sts(of_texts(vectors), [table], bootstrap=Bootstrap(0))
    left, right = (np.array([vectors[t] for t in side]) for side in (table.texts_a, table.texts_b))
    # Every sentence counts as often as it stands in the table.
    both = np.concatenate([left, right])
    _, spread, axes = np.linalg.svd(both - both.mean(0), full_matrices=False)
    kernel = axes.T / spread
    u, v = ((side - both.mean(0)) @ kernel for side in (left, right))
    cosines = (u * v).sum(1) / np.linalg.norm(u, axis=1) / np.linalg.norm(v, axis=1)
    expected = evaluate_pairs(lambda a, b: cosines, [table], name="by hand", bootstrap=Bootstrap(0))
    assert values(scores, "P", "whitening") == pytest.approx(values(expected, "", ""))


def test_whitening_256_keeps_the_widest_directions(write_table) -> None:
    rng = np.random.default_rng(4)
    rows = [(f"左{i}", f"右{i}", float(i % 5)) for i in range(200)]
    table = read_sts_table(write_table("ATEC/valid.tsv", rows))
    vectors = {text: rng.standard_normal(300) for text in (*table.texts_a, *table.texts_b)}
    wide = evaluate_sts(of_texts(vectors), [table], bootstrap=Bootstrap(0))
    assert values(wide, "P", "whitening") != values(wide, "P", "whitening-256")
    narrow = evaluate_sts(
        of_texts({text: vector[:100] for text, vector in vectors.items()}), [table], bootstrap=Bootstrap(0)
    )
    assert values(narrow, "P", "whitening") == values(narrow, "P", "whitening-256")
    assert "vectors of 100 dimensions" in narrow.notes[0] and not wide.notes


@pytest.mark.parametrize("noise", [0, 1e-9])
def test_an_encoder_that_says_the_same_of_every_pair_is_undefined_with_the_reason(write_table, noise) -> None:
    table = read_sts_table(write_table("ATEC/valid.tsv"))
    rng = np.random.default_rng(0)
    scores = evaluate_sts(
        lambda texts: np.ones((len(texts), 2)) + noise * rng.random((len(texts), 2)), [table]
    )
    [raw] = scores.figures[Variant("", "raw")]
    assert raw.undefined == "all pairs have the same score" and math.isnan(raw.spearman.value)
    assert scores.macro(Variant("", "raw")).undefined == "1 of 1 tables are undefined"
    if not noise:
        [white] = scores.figures[Variant("", "whitening")]
        assert white.undefined == "the vectors are all the same: nothing to whiten"


def test_constant_labels_are_undefined_and_leave_other_tables_alone(write_table) -> None:
    same = read_sts_table(write_table("a/valid.tsv", [("一", "二", 1), ("一", "三", 1)]))
    other = read_sts_table(write_table("b/valid.tsv", [("一", "二", 1), ("一", "三", 0)]))
    scores = evaluate_sts(angles({"一": 0.0, "二": 10.0, "三": 50.0}), [same, other], bootstrap=FEW)
    figures = scores.figures[Variant("P", "raw")]
    assert [figure.undefined for figure in figures] == ["all 2 labels are 1", ""]
    assert figures[1].spearman.value == pytest.approx(100)
    assert scores.macro(Variant("P", "raw")).undefined


def test_zero_vectors_have_cosine_zero_and_are_said(write_table) -> None:
    rows = [("一", "二", 2), ("一", "三", 1), ("一", "四", 0)]
    vectors = {"一": [1, 0], "二": [1, 0], "三": [0, 0], "四": [-1, 0]}
    table = read_sts_table(write_table("ATEC/valid.tsv", rows))
    result = evaluate_sts(of_texts(vectors), [table], bootstrap=FEW)
    assert values(result) == [pytest.approx(100)]
    assert "1 sentences have a zero vector" in result.notes[-1]


@pytest.mark.parametrize(
    ("encode", "message"),
    [
        (lambda texts: np.ones((len(texts) - 1, 2)), r"mine: 8 sentences gave vectors of shape \(7, 2\)"),
        (
            lambda texts: {"P": np.full((len(texts), 2), np.nan)},
            "mine: the vector of '广州和深圳哪个好' holds NaN",
        ),
        (lambda texts: {}, "mine: gave no vectors"),
    ],
)
def test_an_encoder_that_does_not_answer_is_refused(write_table, encode, message: str) -> None:
    table = read_sts_table(write_table("ATEC/valid.tsv"))
    with pytest.raises(InputError, match=message):
        evaluate_sts(encode, [table], name="mine")


def test_a_scorer_of_pairs_must_score_every_pair(write_table) -> None:
    table = read_sts_table(write_table("ATEC/valid.tsv"))
    with pytest.raises(InputError, match="mine: expected 4 finite scores of ATEC valid"):
        evaluate_pairs(lambda a, b: [1.0, 2.0, math.nan, 0.0], [table], name="mine")


def test_jaccard_on_rows_counted_by_hand(write_table) -> None:
    rows = [
        ("花呗怎么还款", "花呗怎么还款？", 3),  # the same characters: 1
        ("花呗怎么还款", "花呗如何还款", 2),  # 4 of 8
        ("花呗怎么还款", "今天下雨", 1),  # 0 of 10
        ("花呗", "花呗怎么还款", 0),  # 2 of 6
    ]
    table = read_sts_table(write_table("ATEC/valid.tsv", rows))
    # Overlaps 1, 1/2, 0, 1/3 rank 4 3 1 2 against 4 3 2 1: squared differences 0 0 1 1.
    scores = character_jaccard([table], FEW)
    assert values(scores, "", "") == [pytest.approx(100 * (1 - 6 * 2 / (4 * 15)))]


def test_pairs_of_equal_sentences_tie_whatever_rounding_makes_of_their_cosines(write_table) -> None:
    rows = [(f"句{i}", f"句{i}", float(i % 2)) for i in range(40)] + [("左", "右", 0)]
    table = read_sts_table(write_table("ATEC/valid.tsv", rows))
    rng = np.random.default_rng(5)
    vectors = {text: rng.standard_normal(64).astype(np.float32) for text in (*table.texts_a, "右")}
    scores = evaluate_sts(of_texts(vectors), [table], whitenings=["raw"], bootstrap=Bootstrap(0))
    # 41 pairs, one of them below 40 that tie: its rank alone tells the labels apart.
    tied = evaluate_pairs(
        lambda a, b: [float(x == y) for x, y in zip(a, b, strict=True)], [table], name="equal"
    )
    assert values(scores) == pytest.approx(values(tied, "", ""))
