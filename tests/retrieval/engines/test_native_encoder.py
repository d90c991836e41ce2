"""The CPU's encoder gives what the Keras network gives, without padding and without Keras."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from roformer_sim import InputError
from roformer_sim.checkpoints import weight_shapes
from roformer_sim.models import ModelConfig, Pooling
from roformer_sim.native.processor import HAS_INT8
from roformer_sim.network import Network
from roformer_sim.retrieval.engines.choose import make_encoder

NEEDS_INT8 = pytest.mark.skipif(not HAS_INT8, reason="this processor has no VNNI")
LENGTHS = [2, 9, 40, 3, 3, 17, 131, 5]


def network(**changes) -> Network:
    shape = {
        "vocab_size": 60,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 48,
    }
    config = ModelConfig(**{**shape, **changes})
    rng = np.random.default_rng(7)
    weights = {
        name: (name.endswith("gamma") + 0.2 * rng.standard_normal(size)).astype(np.float32)
        for name, size in weight_shapes(config).items()
    }
    return Network(config, weights)


def sentences(lengths=LENGTHS) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [np.array([2, *rng.integers(5, 60, length - 2), 3], np.int32) for length in lengths]


@pytest.fixture(scope="module")
def roformer() -> Network:
    return network()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"model_type": "bert", "max_position_embeddings": 140},
        {"embedding_size": 16, "hidden_act": "relu"},
        {"model_type": "bert", "hidden_act": "gelu_new", "num_hidden_layers": 1},
    ],
    ids=str,
)
def test_every_pooling_equals_the_keras_network_s(changes):
    both = network(**changes)
    found = make_encoder("native-float32", both).encode(sentences(), list(Pooling))
    assert not both.built
    expected = make_encoder("keras", both).encode(sentences(), list(Pooling))
    for pooling in Pooling:
        assert found[pooling].dtype == np.float32
        np.testing.assert_allclose(found[pooling], expected[pooling], atol=1e-5, err_msg=pooling)


@pytest.mark.parametrize("name", ["native-float32", pytest.param("native-int8", marks=NEEDS_INT8)])
@pytest.mark.parametrize("changes", [{}, {"num_hidden_layers": 1, "intermediate_size": 16}], ids=str)
def test_asking_for_cls_alone_computes_no_other_tokens_and_gives_the_same_bits(name, changes):
    engine = make_encoder(name, network(**changes))
    every = engine.encode(sentences(), list(Pooling))
    for poolings in ([Pooling.P1], [Pooling.P2, Pooling.P1]):
        for pooling, vectors in engine.encode(sentences(), poolings).items():
            np.testing.assert_array_equal(vectors, every[pooling])


@NEEDS_INT8
def test_int8_turns_vectors_little(roformer):
    exact = make_encoder("native-float32", roformer).encode(sentences(), list(Pooling))
    for pooling, vectors in make_encoder("native-int8", roformer).encode(sentences(), list(Pooling)).items():
        lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(exact[pooling], axis=1)
        assert ((vectors * exact[pooling]).sum(axis=1) / lengths).min() > 0.995


def test_a_sentence_does_not_depend_on_its_neighbours(roformer):
    engine = make_encoder("native-float32", roformer)
    together = engine.encode(sentences(), [Pooling.P4])[Pooling.P4]
    alone = [engine.encode([sentence], [Pooling.P4])[Pooling.P4][0] for sentence in sentences()]
    np.testing.assert_array_equal(together, alone)


def test_threads_get_what_one_after_another_gets(roformer):
    engine = make_encoder("native-float32", roformer)
    parts = [sentences(LENGTHS[begin:]) for begin in range(8)]
    expected = [engine.encode(part, [Pooling.P3])[Pooling.P3] for part in parts]
    with ThreadPoolExecutor(8) as pool:
        for found, vectors in zip(
            pool.map(lambda part: engine.encode(part, [Pooling.P3]), parts), expected, strict=True
        ):
            np.testing.assert_array_equal(found[Pooling.P3], vectors)


def test_batches_hold_all_sentences_and_about_as_many_tokens(roformer):
    engine = make_encoder("native-float32", roformer)
    lengths = np.array([5000, 1200, 900, *[20] * 300])
    counts = engine.batches(lengths)
    assert sum(counts) == len(lengths)
    sizes = np.add.reduceat(lengths, np.cumsum([0, *counts[:-1]]))
    assert sizes[:3].tolist() == [5000, 1200, 900]
    assert sizes[3:].max() <= 512 and sizes[3:-1].min() > 490
    assert engine.batches(np.array([], int)) == []


def test_what_the_network_has_no_embedding_for_is_refused():
    engine = make_encoder("native-float32", network(model_type="bert", max_position_embeddings=6))
    with pytest.raises(InputError, match=r"7 tokens.*6 positions"):
        engine.encode(sentences([3, 7]), [Pooling.P1])
    with pytest.raises(InputError, match="token ids from 2 to 60; the vocabulary has 60"):
        engine.encode([np.array([2, 60, 3])], [Pooling.P1])


def test_an_unknown_engine_is_refused_by_name(roformer):
    with pytest.raises(InputError, match=r"engine must be auto, keras, .*, not 'onnx'"):
        make_encoder("onnx", roformer)
