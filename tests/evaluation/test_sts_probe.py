"""The figures of a live network: those of the evaluation itself, on rows that stay the same."""

from __future__ import annotations

import math

import numpy as np
import pytest

from corpus_builder.errors import InputError
from roformer_sim.evaluation import evaluate_sts, read_sts_table
from roformer_sim.evaluation.geometry import alignment, uniformity
from roformer_sim.evaluation.sts import Bootstrap, Variant
from roformer_sim.evaluation.sts_probe import StsProbe

BINARY = [
    ("怎么借钱", "如何能借钱", 1),
    ("今天下雨吗", "今天有雨吗", 1),
    ("怎么开通花呗", "北京天气好吗", 0),
    ("苹果手机多少钱", "买书", 0),
    ("去公园怎么走", "学习中文难吗", 0),
]


def test_spearman_is_that_of_evaluate_sts(tiny_model, write_table):
    files = [write_table("ATEC/valid.tsv", BINARY), write_table("STS-B/valid.tsv")]
    figures = StsProbe(files)(tiny_model.backbone, tiny_model.tokenizer)
    expected = evaluate_sts(
        lambda texts: tiny_model.encoder.encode(texts, ["P2"]),
        [read_sts_table(f) for f in files],
        bootstrap=Bootstrap(0),
    )
    atec, stsb = (figure.spearman.value for figure in expected.figures[Variant("P2", "raw")])
    assert figures["sts_ATEC"] == pytest.approx(atec) and figures["sts_STS-B"] == pytest.approx(stsb)
    assert figures["sts_mean"] == pytest.approx((atec + stsb) / 2)


def test_similar_pairs_are_label_1_of_1_and_4_of_5(tiny_model, write_table):
    encode = lambda texts: tiny_model.encode(list(texts), pooling="P2")  # noqa: E731
    for name, rows, similar in (
        ("ATEC/valid.tsv", BINARY, BINARY[:2]),
        ("STS-B/valid.tsv", [("怎么借钱", "借钱", 5), ("下雨", "有雨", 4), ("北京", "上海", 3)], 2),
    ):
        similar = rows[:similar] if isinstance(similar, int) else similar
        figures = StsProbe([write_table(name, rows)])(tiny_model.backbone, tiny_model.tokenizer)
        left, right = encode([a for a, _, _ in similar]), encode([b for _, b, _ in similar])
        assert figures["alignment"] == pytest.approx(alignment(left, right), rel=1e-4)
        texts = list(dict.fromkeys(text for row in rows for text in row[:2]))
        assert figures["uniformity"] == pytest.approx(uniformity(encode(texts)), rel=1e-4)


def test_a_table_without_similar_pairs_has_no_alignment(tiny_model, write_table):
    rows = [("怎么借钱", "如何借钱", 0), ("今天下雨吗", "明天下雨", 0)]
    figures = StsProbe([write_table("BQ/valid.tsv", rows)])(tiny_model.backbone, tiny_model.tokenizer)
    assert math.isnan(figures["alignment"]) and math.isfinite(figures["uniformity"])


def test_the_sample_is_drawn_once_by_its_seed(tiny_model, write_table):
    rng = np.random.default_rng(0)
    words = ["北京", "上海", "下雨", "借钱", "手机", "公园", "买书", "天气"]
    rows = [("".join(rng.choice(words, 2)), "".join(rng.choice(words, 2)), i % 6) for i in range(60)]
    path = write_table("LCQMC/valid.tsv", rows)
    measured = [
        StsProbe([path], max_rows=20, seed=seed)(tiny_model.backbone, tiny_model.tokenizer)["sts_mean"]
        for seed in (0, 0, 1)
    ]
    assert measured[0] == measured[1] != measured[2]


def test_two_splits_of_one_table_have_names_of_their_own(write_table):
    files = [write_table("BQ/valid.tsv"), write_table("BQ/train.tsv")]
    assert StsProbe(files).names == ["sts_BQ_valid", "sts_BQ_train"]


def test_wrong_input_is_refused_before_training(write_table, tmp_path):
    with pytest.raises(InputError, match="missing"):
        StsProbe([tmp_path / "missing.tsv"])
    with pytest.raises(InputError, match="sts_rows 1"):
        StsProbe([write_table("BQ/valid.tsv")], max_rows=1)
    with pytest.raises(InputError, match="one name"):
        StsProbe([write_table("a/BQ/valid.tsv"), write_table("b/BQ/valid.tsv")])
