"""The configuration: upstream's files are read as they are, everything else is checked and named."""

from __future__ import annotations

import json

import pytest

from roformer_sim import InputError
from roformer_sim.models import ModelConfig

UPSTREAM_ROFORMER = {
    "hidden_act": "gelu",
    "vocab_size": 12000,
    "intermediate_size": 3072,
    "hidden_size": 768,
    "attention_probs_dropout_prob": 0.1,
    "num_attention_heads": 12,
    "num_hidden_layers": 12,
    "initializer_range": 0.02,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
    "hidden_dropout_prob": 0.1,
}
GOOGLE_BERT = {
    **UPSTREAM_ROFORMER,
    "vocab_size": 21128,
    "directionality": "bidi",
    "pooler_fc_size": 768,
    "pooler_num_attention_heads": 12,
    "pooler_num_fc_layers": 3,
    "pooler_size_per_head": 128,
    "pooler_type": "first_token_transform",
}
SMALL_SIMBERT = {**GOOGLE_BERT, "vocab_size": 13685, "hidden_size": 384, "embedding_size": 128}
SMALL_SIMBERT |= {"intermediate_size": 1536, "num_hidden_layers": 6}


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "bert_config.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    return write


def test_a_roformer_file_of_upstream(write):
    config = ModelConfig.from_file(write(UPSTREAM_ROFORMER))
    assert (config.model_type, config.vocab_size, config.num_hidden_layers) == ("roformer", 12000, 12)
    assert (config.embedding_size, config.head_size, config.layer_norm_eps) == (768, 64, 1e-7)


def test_a_google_bert_file_with_its_pooler_keys(write):
    config = ModelConfig.from_file(write(GOOGLE_BERT), model_type="bert")
    assert (config.model_type, config.vocab_size, config.layer_norm_eps) == ("bert", 21128, 1e-12)


def test_the_small_simbert_file_with_its_narrow_embedding(write):
    config = ModelConfig.from_file(write(SMALL_SIMBERT), model_type="bert")
    assert (config.embedding_size, config.hidden_size, config.head_size) == (128, 384, 32)


def test_what_is_written_is_read_back(write, tiny_config):
    assert ModelConfig.from_file(write(tiny_config.model_dump())) == tiny_config


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"hiden_size": 768}, "hiden_size"),
        ({"hidden_size": "wide"}, "hidden_size"),
        ({"hidden_size": None}, "hidden_size"),
        ({"hidden_size": 0}, "hidden_size"),
        ({"hidden_size": 770}, "num_attention_heads"),
        ({"num_attention_heads": 768}, "head size"),
        ({"num_hidden_layers": 1.5}, "num_hidden_layers"),
        ({"hidden_act": "swish"}, "hidden_act"),
        ({"hidden_dropout_prob": 1.0}, "hidden_dropout_prob"),
        ({"model_type": "gpt"}, "model_type"),
        ({"pad_token_id": 12000}, "pad_token_id"),
        ({"type_vocab_size": 1}, "type_vocab_size"),
    ],
)
def test_a_wrong_value_is_refused_with_file_and_key(write, change, named):
    path = write({**UPSTREAM_ROFORMER, **change})
    with pytest.raises(InputError) as caught:
        ModelConfig.from_file(path)
    assert str(path) in str(caught.value) and named in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_key_is_named(write):
    incomplete = {k: v for k, v in UPSTREAM_ROFORMER.items() if k != "intermediate_size"}
    with pytest.raises(InputError, match="intermediate_size"):
        ModelConfig.from_file(write(incomplete))


@pytest.mark.parametrize("content", ["", '{"vocab_size": 12', "[1, 2]", "null"])
def test_a_file_that_is_no_json_object_is_refused(write, content):
    path = write(content)
    with pytest.raises(InputError) as caught:
        ModelConfig.from_file(path)
    assert str(path) in str(caught.value)


def test_a_missing_or_binary_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such configuration file"):
        ModelConfig.from_file(tmp_path / "config.json")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"binary\.json"):
        ModelConfig.from_file(tmp_path / "binary.json")


def test_what_the_caller_says_wins_over_the_file(write):
    config = ModelConfig.from_file(write(UPSTREAM_ROFORMER), hidden_dropout_prob=0.2, layer_norm_eps=None)
    assert (config.hidden_dropout_prob, config.layer_norm_eps) == (0.2, 1e-7)
