"""Smaller networks: what is kept is kept bit for bit, and a narrower one stays near the original."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy_network import NumpyNetwork

from corpus_builder.errors import InputError
from roformer_sim.checkpoints import Preset, load_preset, save_preset, weight_shapes
from roformer_sim.checkpoints.reduction import reduce_network
from roformer_sim.checkpoints.reduction.basis import stream_basis
from roformer_sim.checkpoints.reduction.forward import normalised
from roformer_sim.checkpoints.reduction.narrow import kept_columns
from roformer_sim.checkpoints.reduction.sizes import chosen_layers
from roformer_sim.models import ModelConfig
from roformer_sim.text import Tokenizer

TEXTS = [
    *("广州和深圳哪个好？", "科学技术是第一生产力。", "怎么开通花呗", "如何借钱还款呢", "今天天气真好"),
    *("明天下雨吗", "我不能出门去公园", "苹果手机多少便宜", "北京比上海更好", "学习中文书", "他可以买什么"),
]


def drawn(config: ModelConfig, tokenizer: Tokenizer, seed: int = 3) -> Preset:
    generator = np.random.default_rng(seed)
    weights = {}
    for name, shape in weight_shapes(config).items():
        centre = 1.0 if name.endswith("gamma") else 0.0
        weights[name] = (centre + 0.15 * generator.standard_normal(shape)).astype(np.float32)
    return Preset(config, tokenizer, weights, {"made_by": "tests"})


@pytest.fixture(scope="module")
def deep(tiny_config: ModelConfig, tiny_tokenizer: Tokenizer) -> Preset:
    config = tiny_config.model_copy(update={"num_hidden_layers": 4, "hidden_act": "relu"})
    return drawn(config, tiny_tokenizer)


@pytest.fixture(scope="module", params=["roformer", "bert, mapped embeddings, no heads"])
def original(request, deep: Preset) -> Preset:
    if request.param == "roformer":
        return deep
    changes = {"model_type": "bert", "embedding_size": 24, "has_pooler": False, "has_lm_head": False}
    return drawn(
        deep.config.model_copy(update=changes | {"pooling": "P1", "hidden_act": "gelu"}), deep.tokenizer
    )


def cosines(preset: Preset) -> np.ndarray:
    """Of every two texts, by means of the last states; the network is the tests' own, in float64."""
    network, vectors = NumpyNetwork(preset.config, preset.weights), []
    for text in TEXTS:
        ids = preset.tokenizer.encode(text).token_ids[None]
        vectors.append(network.hidden_states(ids, np.zeros_like(ids), "bidirectional")[1][0].mean(axis=0))
    table = np.array(vectors) / np.linalg.norm(vectors, axis=1, keepdims=True)
    return (table @ table.T)[np.triu_indices(len(TEXTS), 1)]


def test_asking_for_what_is_there_changes_no_bit(original: Preset) -> None:
    config = original.config
    same = reduce_network(
        original, layers=4, hidden_size=config.hidden_size, intermediate_size=64, texts=TEXTS,
        embedding_size=config.embedding_size, num_attention_heads=2,
    )  # fmt: skip
    assert same.config == config
    assert set(same.weights) == set(original.weights)
    for name, array in original.weights.items():
        np.testing.assert_array_equal(same.weights[name], array, err_msg=name)


@pytest.mark.parametrize("layers", [[0, 3], [2], 2])
def test_blocks_are_kept_bit_for_bit(original: Preset, layers: list[int] | int) -> None:
    shallow = reduce_network(original, layers=layers)
    kept = shallow.metadata["reduced"]["layers"]
    assert kept == ([0, 3] if layers == 2 else layers)
    assert shallow.config.num_hidden_layers == len(kept)
    assert set(shallow.weights) == set(weight_shapes(shallow.config))
    for name, array in shallow.weights.items():
        block, _, rest = name.partition("/")
        number = block.removeprefix("block_")
        old = f"block_{kept[int(number)]}/{rest}" if number.isdigit() else name
        np.testing.assert_array_equal(array, original.weights[old], err_msg=name)


def test_layers_are_spaced_evenly_with_first_and_last(tiny_config: ModelConfig) -> None:
    twelve = tiny_config.model_copy(update={"num_hidden_layers": 12})
    assert chosen_layers(6, twelve) == [0, 2, 4, 7, 9, 11]
    assert chosen_layers(4, twelve) == [0, 4, 7, 11]
    assert chosen_layers(12, twelve) == list(range(12))
    assert chosen_layers(1, twelve) == [0]


@pytest.mark.parametrize("texts", [None, TEXTS])
def test_a_narrower_network_is_a_preset_that_works(original: Preset, texts, tmp_path: Path) -> None:
    small = reduce_network(original, layers=2, hidden_size=16, embedding_size=12, texts=texts)
    save_preset(tmp_path / "small", small)
    again = load_preset(tmp_path / "small")
    assert (again.config.hidden_size, again.config.intermediate_size, again.config.embedding_size) == (
        16,
        32,
        12,
    )
    assert {name: a.shape for name, a in again.weights.items()} == weight_shapes(again.config)
    assert np.isfinite(cosines(again)).all()


def test_a_narrower_network_is_nearer_to_the_original_than_a_random_one(original: Preset) -> None:
    small = reduce_network(original, layers=3, hidden_size=24, num_attention_heads=2,
                           embedding_size=20, texts=TEXTS)  # fmt: skip
    expected = cosines(original)
    near = np.corrcoef(cosines(small), expected)[0, 1]
    far = np.corrcoef(cosines(drawn(small.config, small.tokenizer, seed=9)), expected)[0, 1]
    assert near > 0.8
    assert near > far + 0.1


def test_states_inside_the_basis_lose_nothing(deep: Preset) -> None:
    """A network whose states use 16 of 32 directions only is the same network in 16 dimensions."""
    config = deep.config.model_copy(update={"num_hidden_layers": 1, "has_lm_head": False})
    rng, half = np.random.default_rng(5), 16
    weights = {k: v for k, v in deep.weights.items() if k in weight_shapes(config)}
    subspace, _ = stream_basis(rng.standard_normal((200, 32)), half)
    project = (subspace @ subspace.T).astype(np.float32)
    for name in ("token_embedding/embeddings", "segment_embedding/embeddings",
                 "block_0/attention/output/kernel", "block_0/attention/output/bias",
                 "block_0/output/kernel", "block_0/output/bias"):  # fmt: skip
        weights[name] = weights[name] @ project
    for name in weights:
        if name.endswith("gamma"):
            weights[name] = np.full(32, 1.3, np.float32)
        if name.endswith("beta"):
            weights[name] = np.zeros(32, np.float32)
    # One head writes nothing, half of the inner units neither: they can go without loss.
    weights["block_0/attention/output/kernel"][16:] = 0
    weights["block_0/output/kernel"][1::2] = 0
    whole = Preset(config, deep.tokenizer, weights)
    small = reduce_network(whole, hidden_size=half, intermediate_size=32, num_attention_heads=1)
    assert small.metadata["reduced"]["kept_of_stream"] == pytest.approx(1.0)
    np.testing.assert_allclose(cosines(small), cosines(whole), atol=1e-4)


def test_the_basis_is_orthonormal_and_keeps_the_mean_over_coordinates() -> None:
    states = np.random.default_rng(0).standard_normal((300, 12)) @ np.diag(np.arange(1, 13))
    basis, kept = stream_basis(states, 7)
    np.testing.assert_allclose(basis.T @ basis, np.eye(7), atol=1e-12)
    np.testing.assert_allclose(basis.sum(axis=1) / 7**0.5, np.full(12, 12**-0.5), atol=1e-12)
    inside = states @ basis @ basis.T
    assert kept == pytest.approx(np.square(inside).sum() / np.square(states).sum())
    np.testing.assert_allclose(
        normalised(inside, 0.0) @ basis * (7 / 12) ** 0.5, normalised(inside @ basis, 0.0), atol=1e-9
    )


def test_whole_heads_are_kept_and_rotary_pairs_stay_pairs(tiny_config: ModelConfig) -> None:
    rng = np.random.default_rng(0)
    kernel, output = rng.standard_normal((32, 96)), rng.standard_normal((32, 32))
    output[:16] *= 0.01  # the first head writes next to nothing
    fewer = tiny_config.model_copy(update={"hidden_size": 16, "num_attention_heads": 1})
    turned, values = kept_columns(kernel, output, tiny_config, fewer)
    assert turned.tolist() == values.tolist() == list(range(16, 32))
    narrower = tiny_config.model_copy(update={"hidden_size": 16})
    turned, values = kept_columns(kernel, output, tiny_config, narrower)
    assert turned.tolist() == [0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29]
    assert len(values) == 16
    old, new = tiny_config.head_size, narrower.head_size
    np.testing.assert_allclose(
        10000.0 ** (-turned[:8:2] / old), 10000.0 ** (-2 * np.arange(4) / new)
    )  # the pairs turn as fast as before


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"layers": 5}, "layers is 5; the network has 4"),
        ({"layers": [3, 0]}, "rising numbers from 0 to 3"),
        ({"layers": [0, 4]}, "rising numbers from 0 to 3"),
        ({"hidden_size": 64}, "hidden_size is 64; a reduced network has 1 to 32"),
        ({"hidden_size": 30, "num_attention_heads": 4}, "num_attention_heads is 4"),
        ({"hidden_size": 17}, "not a multiple"),
        ({"hidden_size": 24, "num_attention_heads": 1}, "give more heads"),
        ({"num_attention_heads": 1}, "only where hidden_size does"),
        ({"intermediate_size": 65}, "intermediate_size is 65"),
        ({"hidden_size": 16, "texts": [" "]}, "texts: there is none"),
        ({"hidden_size": 16, "texts": "广州"}, "texts is one string"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(deep: Preset, sizes: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        reduce_network(deep, **sizes)


def test_a_mapping_layer_cannot_vanish(deep: Preset) -> None:
    config = deep.config.model_copy(update={"embedding_size": 16})
    with pytest.raises(InputError, match="embedding_size and hidden_size are both 16"):
        reduce_network(drawn(config, deep.tokenizer), hidden_size=16)
