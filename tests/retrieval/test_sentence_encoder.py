"""Encoding: any number of sentences, in their order, whatever stands beside them in a batch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roformer_sim import InputError, RoFormerSim
from roformer_sim.models import Backbone, Pooling
from roformer_sim.retrieval import SentenceEncoder

SENTENCES = [
    "怎么开通花呗",
    "广州和深圳哪个好？",
    "好",
    "科学技术是第一生产力。今天天气真好，我们明天出门去公园买书。",
    "",
    "苹果手机多少钱",
    "如何借钱",
    "今天下雨吗",
    "北京城市更大",
]


@pytest.fixture(scope="module")
def encoder(tiny_model):
    return SentenceEncoder(tiny_model.backbone, tiny_model.tokenizer)


@pytest.fixture(scope="module")
def alone(encoder):
    """The P1 vector of each sentence encoded by itself."""
    return np.concatenate([encoder.encode([text])[Pooling.P1] for text in SENTENCES])


def test_rows_come_back_in_the_order_given(encoder, alone):
    together = encoder.encode(SENTENCES, batch_size=2)[Pooling.P1]
    assert together.shape == (9, 32) and together.dtype == np.float32
    np.testing.assert_allclose(together, alone, atol=1e-5)


@settings(max_examples=8, deadline=None)
@given(order=st.permutations(range(len(SENTENCES))), batch_size=st.sampled_from([1, 4, 64]))
def test_neighbours_in_the_batch_do_not_matter(encoder, alone, order, batch_size):
    vectors = encoder.encode([SENTENCES[i] for i in order], batch_size=batch_size)[Pooling.P1]
    np.testing.assert_allclose(vectors, alone[list(order)], atol=1e-5)


def test_one_pass_gives_all_poolings(encoder, tiny_model):
    vectors = encoder.encode(SENTENCES, list(Pooling))
    assert list(vectors) == list(Pooling)
    for pooling, rows in vectors.items():
        np.testing.assert_allclose(rows, tiny_model.encode(SENTENCES, pooling=pooling), atol=1e-6)
    assert np.abs(vectors[Pooling.P1] - vectors[Pooling.P3]).max() > 0.01


def test_vectors_have_length_one_unless_asked_otherwise(encoder):
    unit = encoder.encode(SENTENCES)[Pooling.P1]
    raw = encoder.encode(SENTENCES, normalize=False)[Pooling.P1]
    lengths = np.linalg.norm(raw, axis=1, keepdims=True)
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1.0, rtol=1e-6)
    assert np.abs(lengths - 1).max() > 0.1
    np.testing.assert_allclose(raw / lengths, unit, atol=1e-6)


def test_each_distinct_sentence_is_encoded_once(encoder, alone, monkeypatch):
    engine, seen = encoder.engine(), []

    def encode(sentences, poolings):
        seen.extend(sentence.tobytes() for sentence in sentences)
        return type(engine).encode(engine, sentences, poolings)

    monkeypatch.setattr(engine, "encode", encode)
    vectors = encoder.encode([*SENTENCES, *SENTENCES[::-1], "  好 "], batch_size=4)[Pooling.P1]
    assert len(seen) == len(set(seen)) == len(SENTENCES)
    np.testing.assert_allclose(vectors, np.concatenate([alone, alone[::-1], alone[2:3]]), atol=1e-5)


def test_nothing_to_encode(encoder):
    vectors = encoder.encode([], ["P1", "P4"])
    assert {pooling: rows.shape for pooling, rows in vectors.items()} == {"P1": (0, 32), "P4": (0, 32)}


def test_a_long_text_is_cut_with_a_warning_that_names_its_row(encoder):
    with pytest.warns(UserWarning, match="1 of 2 texts cut to 12 tokens, first: row 1"):
        vectors = encoder.encode(["好", "今天下雨了" * 2000], maxlen=12)[Pooling.P1]
    np.testing.assert_allclose(vectors[1], encoder.encode(["今天下雨了" * 2])[Pooling.P1][0], atol=1e-5)


def test_strange_characters_are_encoded(encoder):
    vectors = encoder.encode(["好\x00", "好", "😀", "\ud83d好", "\ud83d", ""])[Pooling.P1]
    assert np.isfinite(vectors).all()
    np.testing.assert_allclose(vectors[[0, 3]], vectors[[1, 1]], atol=1e-5)
    np.testing.assert_allclose(vectors[4], vectors[5], atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"texts": "好"}, "one string"),
        ({"texts": ["好", None]}, r"texts\[1\]"),
        ({"texts": ["好"], "batch_size": 0}, "batch_size"),
        ({"texts": ["好"], "batch_size": "all"}, "batch_size"),
        ({"texts": ["好"], "engine": "onnx"}, "engine must be"),
        ({"texts": ["好"], "maxlen": 1}, "maxlen"),
    ],
)
def test_wrong_arguments_are_refused_by_name(encoder, arguments, named):
    with pytest.raises(InputError, match=named):
        encoder.encode(**arguments)


def test_bert_encodes_no_more_tokens_than_it_has_positions(tiny_config, tiny_tokenizer):
    config = tiny_config.model_copy(update={"model_type": "bert", "max_position_embeddings": 12})
    model = RoFormerSim(Backbone(config), tiny_tokenizer)
    with pytest.raises(InputError, match="12 positions"):
        model.encode(["好"], maxlen=13)
    with pytest.warns(UserWarning, match="cut to 12 tokens"):
        assert model.encode(["今天下雨了" * 9], maxlen=12).shape == (1, 32)
