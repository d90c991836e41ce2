"""RoFormerSim under evaluation: one pass for four poolings, truncation counted, the untrained network."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import pytest

from roformer_sim.evaluation import evaluate_sts, load_encoder, read_sts_table, spearman
from roformer_sim.evaluation.sts import Bootstrap, Variant
from roformer_sim.evaluation.sts.sentence_model import SentenceModel, untrained_like

POOLINGS = ["P1", "P2", "P3", "P4"]


def test_one_pass_gives_the_figures_of_four_separate_ones(write_table, tiny_model) -> None:
    table = read_sts_table(write_table("ATEC/valid.tsv"))
    model = SentenceModel("tiny", tiny_model)
    found = evaluate_sts(model.encode, [table], whitenings=["raw"], bootstrap=Bootstrap(0)).figures
    assert [variant.pooling for variant in found] == POOLINGS
    for pooling in POOLINGS:
        cosines = tiny_model.similarity(table.texts_a, table.texts_b, pooling=pooling)
        [figure] = found[Variant(pooling, "raw")]
        assert figure.spearman.value == pytest.approx(100 * spearman(cosines, table.labels))


def test_one_vector_of_a_preset_is_named_with_it(write_table, tiny_preset, tiny_model) -> None:
    texts = ["今天下雨", "广州和深圳哪个好"]
    encoder = load_encoder(f"{tiny_preset}@P3")
    assert encoder.encode is not None
    vectors = encoder.encode(texts)
    assert list(vectors) == ["P3"]
    unit = vectors["P3"] / np.linalg.norm(vectors["P3"], axis=1, keepdims=True)
    np.testing.assert_allclose(unit, tiny_model.encode(texts, pooling="P3"), atol=1e-5)


def test_sentences_cut_are_counted_and_not_warned_of(tiny_model) -> None:
    model = SentenceModel("tiny", tiny_model, maxlen=8)
    texts = ["今天", "广州和深圳哪", "广州和深圳哪个好"]  # 4, 8 and 10 tokens with [CLS] and [SEP]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        vectors = model.encode(texts)
    assert model.count_truncated(texts) == 1
    np.testing.assert_allclose(vectors["P1"][2], vectors["P1"][1], atol=1e-6)


def test_the_untrained_network_has_the_same_shape_and_depends_on_its_seed_alone(tiny_model) -> None:
    trained = SentenceModel("tiny", tiny_model, maxlen=12)
    one, again, other = (untrained_like(trained, seed) for seed in (0, 0, 1))
    assert (one.model.config, one.maxlen) == (tiny_model.config, 12)
    text = ["今天下雨"]
    np.testing.assert_array_equal(one.encode(text)["P1"], again.encode(text)["P1"])
    assert not np.allclose(one.encode(text)["P1"], other.encode(text)["P1"])
    assert not np.allclose(one.encode(text)["P1"], trained.encode(text)["P1"])


def test_character_jaccard_on_the_real_valid_sets() -> None:
    """Needs data that is not part of the project: ROFORMER_SIM_DATA names a folder that holds sts/."""
    data = os.environ.get("ROFORMER_SIM_DATA")
    if not data:
        pytest.skip("ROFORMER_SIM_DATA is not set: no real STS tables to measure on")
    from roformer_sim.evaluation import character_jaccard

    names = ["ATEC", "BQ", "LCQMC", "PAWSX", "STS-B"]
    tables = [read_sts_table(Path(data) / "sts" / name / "valid.tsv") for name in names]
    assert [table.rows for table in tables] == [20_000, 10_000, 8_802, 2_000, 1_458]
    [figures] = character_jaccard(tables, Bootstrap(0)).figures.values()
    assert all(figure.spearman.value > 0 for figure in figures)
