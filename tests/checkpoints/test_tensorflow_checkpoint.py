"""bert4keras and Google checkpoints: each variable lands in its place, and whatever is wrong is named."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from published_checkpoint import (
    HIDDEN,
    SIZE,
    random_variables,
    write_checkpoint,
)

from corpus_builder.errors import InputError
from roformer_sim.checkpoints import assign_weights, load_any, read_weights
from roformer_sim.models import Backbone

Published = Callable[..., Path]
QUERY = "bert/encoder/layer_1/attention/self/query/kernel"


@pytest.mark.parametrize(("model_type", "width"), [("roformer", HIDDEN), ("bert", HIDDEN), ("bert", 4)])
def test_every_variable_lands_where_it_belongs(published: Published, model_type: str, width: int) -> None:
    variables = random_variables(model_type, width)
    extra = {} if width == HIDDEN else {"embedding_size": width}
    folder = published(variables, **extra)

    preset = load_any(folder)
    backbone = Backbone(preset.config)
    assign_weights(backbone, preset.weights, folder)

    assert preset.config.model_type == model_type
    layer = backbone.blocks[1]
    places = {
        "bert/embeddings/word_embeddings": backbone.token_embedding.embeddings,
        "bert/embeddings/token_type_embeddings": backbone.segment_embedding.embeddings,
        "bert/embeddings/LayerNorm/gamma": backbone.embedding_norm.gamma,
        "bert/embeddings/LayerNorm/beta": backbone.embedding_norm.beta,
        "bert/encoder/layer_1/attention/output/dense/kernel": layer.attention.output_dense.kernel,
        "bert/encoder/layer_1/attention/output/dense/bias": layer.attention.output_dense.bias,
        "bert/encoder/layer_1/attention/output/LayerNorm/gamma": layer.attention_norm.gamma,
        "bert/encoder/layer_1/attention/output/LayerNorm/beta": layer.attention_norm.beta,
        "bert/encoder/layer_1/intermediate/dense/kernel": layer.intermediate.kernel,
        "bert/encoder/layer_1/intermediate/dense/bias": layer.intermediate.bias,
        "bert/encoder/layer_1/output/dense/kernel": layer.output_dense.kernel,
        "bert/encoder/layer_1/output/dense/bias": layer.output_dense.bias,
        "bert/encoder/layer_1/output/LayerNorm/gamma": layer.output_norm.gamma,
        "bert/encoder/layer_1/output/LayerNorm/beta": layer.output_norm.beta,
        "bert/pooler/dense/kernel": backbone.pooler.kernel,
        "bert/pooler/dense/bias": backbone.pooler.bias,
        "cls/predictions/transform/dense/kernel": backbone.lm_transform.kernel,
        "cls/predictions/transform/dense/bias": backbone.lm_transform.bias,
        "cls/predictions/transform/LayerNorm/gamma": backbone.lm_norm.gamma,
        "cls/predictions/transform/LayerNorm/beta": backbone.lm_norm.beta,
        "cls/predictions/output_bias": backbone.lm_bias,
    }
    if model_type == "bert":
        places["bert/embeddings/position_embeddings"] = backbone.position_embedding.embeddings
    if width != HIDDEN:
        places["bert/encoder/embedding_hidden_mapping_in/kernel"] = backbone.embedding_mapping.kernel
        places["bert/encoder/embedding_hidden_mapping_in/bias"] = backbone.embedding_mapping.bias
    for name, variable in places.items():
        np.testing.assert_array_equal(np.array(variable), variables[name], err_msg=name)
    for place, part in enumerate(("query", "key", "value")):
        columns = slice(place * HIDDEN, (place + 1) * HIDDEN)
        theirs = f"bert/encoder/layer_1/attention/self/{part}/"
        np.testing.assert_array_equal(
            np.array(layer.attention.qkv_kernel)[:, columns], variables[theirs + "kernel"]
        )
        np.testing.assert_array_equal(np.array(layer.attention.qkv_bias)[columns], variables[theirs + "bias"])
    assert sum(a.size for a in read_weights(backbone).values()) == sum(a.size for a in variables.values())


def test_metadata_says_where_the_weights_come_from(published: Published) -> None:
    preset = load_any(published(random_variables("roformer")))
    assert preset.metadata["source"]["name"] == "chinese_tiny_L-2_H-8_A-2/bert_model.ckpt"
    assert preset.tokenizer.vocab_size == SIZE


def test_what_training_leaves_behind_is_read_past(published: Published) -> None:
    variables = random_variables("bert")
    left = {
        "global_step": np.int64(1000),
        f"{QUERY}/adam_m": np.zeros((HIDDEN, HIDDEN), np.float32),
        f"{QUERY}/adam_v": np.zeros((HIDDEN, HIDDEN), np.float32),
        "cls/seq_relationship/output_weights": np.zeros((2, HIDDEN), np.float32),
        "cls/seq_relationship/output_bias": np.zeros(2, np.float32),
    }
    assert load_any(published(variables | left)).config.model_type == "bert"


def test_half_precision_variables_become_float32(published: Published) -> None:
    variables = {name: values.astype(np.float16) for name, values in random_variables("roformer").items()}
    weights = load_any(published(variables)).weights
    assert {array.dtype for array in weights.values()} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(
        weights["lm_bias"], variables["cls/predictions/output_bias"].astype(np.float32)
    )


@pytest.mark.parametrize("name", [QUERY, "bert/pooler/dense/bias", "cls/predictions/output_bias"])
def test_a_missing_variable_is_named_with_its_shape(published: Published, name: str) -> None:
    variables = random_variables("roformer")
    shape = list(variables.pop(name).shape)
    with pytest.raises(InputError) as caught:
        load_any(published(variables))
    assert f"{name} {shape} is missing" in str(caught.value)


def test_an_unknown_variable_is_named(published: Published) -> None:
    extra = {"bert/encoder/layer_2/output/dense/bias": np.zeros(HIDDEN, np.float32)}
    folder = published(random_variables("roformer") | extra)
    with pytest.raises(InputError, match=r"bert/encoder/layer_2/output/dense/bias \[8\] has no place"):
        load_any(folder)


def test_a_wrong_shape_is_named_with_both_shapes(published: Published) -> None:
    variables = random_variables("roformer")
    variables[QUERY] = np.zeros((HIDDEN, 6), np.float32)
    folder = published(variables)
    with pytest.raises(InputError, match=rf"{QUERY} has shape \[8, 6\], bert_config.json asks for \[8, 8\]"):
        load_any(folder)


def test_a_checkpoint_of_the_other_kind_than_asked_for_is_refused(published: Published) -> None:
    folder = published(random_variables("bert"))
    with pytest.raises(InputError, match=r"bert/embeddings/position_embeddings.*no place in a roformer"):
        load_any(folder, model_type="roformer")


def test_roformer_weights_asked_for_as_bert_lack_their_positions(published: Published) -> None:
    folder = published(random_variables("roformer"))
    with pytest.raises(InputError, match=r"bert/embeddings/position_embeddings.*is missing"):
        load_any(folder, model_type="bert")


def test_integers_in_place_of_weights_are_refused(published: Published) -> None:
    folder = published(random_variables("roformer") | {QUERY: np.ones((HIDDEN, HIDDEN), np.int32)})
    with pytest.raises(InputError, match=f"{QUERY} is int32"):
        load_any(folder)


def test_nan_is_refused(published: Published) -> None:
    variables = random_variables("roformer")
    variables[QUERY][3, 2] = np.nan
    folder = published(variables)
    with pytest.raises(InputError, match=f"{QUERY} holds NaN"):
        load_any(folder)


DATA, INDEX = "bert_model.ckpt.data-00000-of-00001", "bert_model.ckpt.index"


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


@pytest.mark.parametrize("name", [DATA, INDEX])
@pytest.mark.parametrize("damage", [_truncate, _empty, _flip])
def test_a_damaged_file_is_named(published: Published, name: str, damage: Any) -> None:
    folder = published(random_variables("roformer"))
    damage(folder / name)
    with pytest.raises(InputError) as caught:
        load_any(folder)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_index_without_its_data_is_named(published: Published) -> None:
    folder = published(random_variables("roformer"))
    (folder / DATA).unlink()
    with pytest.raises(InputError, match=r"bert_model\.ckpt\.data-00000-of-00001: missing"):
        load_any(folder)


def test_a_folder_without_a_checkpoint_says_what_is_expected(published: Published) -> None:
    folder = published(random_variables("roformer"))
    (folder / INDEX).unlink()
    with pytest.raises(InputError, match=r"no TensorFlow checkpoint \(bert_model\.ckpt\.index"):
        load_any(folder)


def test_the_only_checkpoint_may_have_another_name(published: Published) -> None:
    variables = random_variables("roformer")
    folder = published(variables)
    for path in (folder / DATA, folder / INDEX):
        path.rename(folder / path.name.replace("bert_model.ckpt", "model.ckpt-5000"))
    weights = load_any(folder).weights
    np.testing.assert_array_equal(
        weights["token_embedding/embeddings"], variables["bert/embeddings/word_embeddings"]
    )


def test_several_checkpoints_are_named_and_none_is_guessed(published: Published) -> None:
    variables = random_variables("roformer")
    folder = published(variables)
    write_checkpoint(folder, variables, "latest_model.ckpt")
    with pytest.raises(InputError, match=r"several checkpoints \(bert_model\.ckpt, latest_model\.ckpt\)"):
        load_any(folder)


def test_an_unknown_configuration_key_is_named(published: Published) -> None:
    folder = published(random_variables("roformer"), num_experts=4)
    with pytest.raises(InputError, match=r"bert_config\.json: num_experts"):
        load_any(folder)


def test_a_vocabulary_that_does_not_fit_the_weights_is_refused(published: Published) -> None:
    folder = published(random_variables("roformer"))
    with (folder / "vocab.txt").open("a") as file:
        file.write("龘\n")
    with pytest.raises(InputError, match=rf"vocab\.txt has {SIZE + 1} tokens.*{SIZE}"):
        load_any(folder)


def test_weights_of_another_vocabulary_are_refused(published: Published) -> None:
    folder = published(random_variables("roformer"), vocab_size=SIZE - 1)
    with pytest.raises(InputError, match=rf"word_embeddings has shape \[{SIZE}, 8\]"):
        load_any(folder)


def test_a_missing_vocabulary_is_named(published: Published) -> None:
    folder = published(random_variables("roformer"))
    (folder / "vocab.txt").unlink()
    with pytest.raises(InputError, match=r"vocab\.txt"):
        load_any(folder)


def test_reading_needs_no_tensorflow(published: Published, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = published(random_variables("roformer"))
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    assert load_any(folder).config.model_type == "roformer"


def test_a_folder_of_neither_kind_says_what_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(json.dumps({}))
    with pytest.raises(InputError, match="neither a preset"):
        load_any(tmp_path)
