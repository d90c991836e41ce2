"""The network's numbers are those of an independent NumPy implementation of the papers' formulas."""

from __future__ import annotations

import numpy as np
import pytest
from numpy_network import NumpyNetwork

from roformer_sim import InputError
from roformer_sim.checkpoints import weight_names
from roformer_sim.models import Backbone

VARIANTS = {
    "roformer": {},
    "bert": {"model_type": "bert", "max_position_embeddings": 20},
    "roformer, embedding 16 of hidden 32": {"embedding_size": 16},
    "bert, embedding 16 of hidden 32": {
        "model_type": "bert",
        "embedding_size": 16,
        "max_position_embeddings": 20,
    },
    "roformer with relu, as RoFormerV2": {"hidden_act": "relu"},
    "bert with the tanh gelu": {"model_type": "bert", "hidden_act": "gelu_new"},
    "one layer": {"num_hidden_layers": 1},
}


def assert_agree(ours, theirs, tolerance=1e-5):
    """Equal to ``tolerance`` of the largest absolute value."""
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= tolerance * np.abs(theirs).max()


@pytest.mark.parametrize("pattern", ["unilm", "bidirectional"])
@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS.keys())
def test_hidden_states_logits_and_pooled_vectors_are_those_of_the_papers(
    small_config, random_network, random_rows, changes, pattern
):
    config = small_config(**changes)
    network = random_network(config)
    reference = NumpyNetwork(config, network.weights)
    token_ids, segment_ids = random_rows([(7, 5), (4, 8), (3, 2), (6, 0)])
    first, last = reference.hidden_states(token_ids, segment_ids, pattern)

    ours = network(token_ids, segment_ids, pattern)
    real = token_ids != 0
    assert_agree(ours["first"][real], first[real])
    assert_agree(ours["last"][real], last[real])
    assert_agree(ours["logits"][real], reference.logits(last)[real])
    assert_agree(ours["P1"], last[:, 0])
    assert_agree(ours["P2"], reference.pooler(last[:, 0]))
    for pooling, hidden in (("P3", last), ("P4", (first + last) / 2)):
        means = [rows[present].mean(axis=0) for rows, present in zip(hidden, real, strict=True)]
        assert_agree(ours[pooling], np.stack(means))


def test_segments_default_to_the_source(small_config, random_network, random_rows):
    network = random_network(small_config())
    token_ids, zeros = random_rows([(12, 0)] * 4)
    np.testing.assert_array_equal(network(token_ids)["last"], network(token_ids, zeros)["last"])


def test_the_segment_embedding_counts(small_config, random_network, random_rows):
    network = random_network(small_config())
    token_ids, segment_ids = random_rows([(6, 6)] * 4)
    as_pair, as_one = network(token_ids, segment_ids), network(token_ids)
    assert np.abs(as_pair["last"] - as_one["last"]).max() > 0.1


def test_a_padding_id_other_than_zero_is_absent_too(small_config, random_network):
    network = random_network(small_config(pad_token_id=9))
    padded, alone = network([[0, 4, 5, 9, 9]]), network([[0, 4, 5]])
    assert_agree(padded["last"][:, :3], alone["last"])


def test_an_unknown_pattern_is_refused_by_name(small_config, random_network):
    with pytest.raises(ValueError, match="causal"):
        random_network(small_config()).backbone(np.ones((1, 4), np.int32), pattern="causal")


def test_bert_refuses_more_tokens_than_it_has_positions(small_config, random_network):
    network = random_network(small_config(model_type="bert", max_position_embeddings=8))
    assert network(np.ones((1, 8)))["last"].shape == (1, 8, 32)
    with pytest.raises(InputError, match=r"9 tokens.*8 positions"):
        network(np.ones((1, 9)))


def test_roformer_has_no_longest_sentence(small_config, random_network, random_rows):
    config = small_config(max_position_embeddings=8)
    network = random_network(config)
    token_ids, segment_ids = random_rows([(700, 0)])
    reference = NumpyNetwork(config, network.weights)
    _, last = reference.hidden_states(token_ids, segment_ids, "bidirectional")
    # Angles of up to 700 radians are float32.
    assert_agree(network(token_ids, segment_ids)["last"], last, tolerance=1e-4)


def test_a_configuration_rebuilds_the_network(small_config, random_network):
    backbone = random_network(small_config(embedding_size=16)).backbone
    again = Backbone.from_config(backbone.get_config())
    assert again.config == backbone.config
    assert again.dtype_policy.name == backbone.dtype_policy.name
    assert weight_names(again) == weight_names(backbone)
