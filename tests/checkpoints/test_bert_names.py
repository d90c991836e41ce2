"""The mapping between our weight names and those of BERT checkpoints."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from published_checkpoint import BERT_CONFIG, HIDDEN, published_shapes, random_variables

from roformer_sim.checkpoints import weight_names
from roformer_sim.checkpoints.bert_names import bert_shapes, from_bert, is_surplus, to_bert
from roformer_sim.models import Backbone, ModelConfig

KINDS = [("roformer", HIDDEN), ("bert", HIDDEN), ("bert", 4), ("roformer", 4)]


def config_of(model_type: str, width: int) -> ModelConfig:
    return ModelConfig.from_dict(BERT_CONFIG | {"embedding_size": width}, model_type=model_type)


@pytest.mark.parametrize(("model_type", "width"), KINDS)
def test_a_configuration_asks_for_the_published_variables(model_type: str, width: int) -> None:
    assert bert_shapes(config_of(model_type, width)) == published_shapes(model_type, width)


@pytest.mark.parametrize(("model_type", "width"), KINDS)
def test_the_variables_fill_every_weight_of_the_network(model_type: str, width: int) -> None:
    config = config_of(model_type, width)
    weights = from_bert(random_variables(model_type, width), config)
    assert {name: array.shape for name, array in weights.items()} == weight_names(Backbone(config))


@pytest.mark.parametrize(("model_type", "width"), KINDS)
def test_there_and_back_changes_nothing(model_type: str, width: int) -> None:
    config, variables = config_of(model_type, width), random_variables(model_type, width)
    back = to_bert(from_bert(variables, config), config)
    assert set(back) == set(variables)
    for name, values in variables.items():
        np.testing.assert_array_equal(back[name], values, err_msg=name)


def test_only_listed_names_count_as_surplus() -> None:
    assert is_surplus("global_step")
    assert is_surplus("bert/pooler/dense/kernel/adam_m")
    assert is_surplus("cls/seq_relationship/output_bias")
    assert not is_surplus("bert/encoder/layer_12/output/dense/kernel")
    assert not is_surplus("cls/predictions/extra")


def test_the_real_small_simbert_has_exactly_these_variables() -> None:
    data = os.environ.get("ROFORMER_SIM_DATA")
    if not data:
        pytest.skip("ROFORMER_SIM_DATA is not set: no published variables.txt to compare with")
    folder = Path(data) / "vocab" / "chinese_simbert_L-6_H-384_A-12"
    lines = (folder / "variables.txt").read_text().splitlines()[1:]
    fields = [line.split("\t") for line in lines]
    listed = {name: tuple(map(int, shape.strip("[]").split(","))) for name, _, shape, _ in fields}
    config = ModelConfig.from_file(folder / "bert_config.json", model_type="bert")
    assert bert_shapes(config) == listed
