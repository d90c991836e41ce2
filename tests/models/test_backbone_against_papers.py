"""The network's numbers are those of an independent NumPy implementation of the papers' formulas."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops
from numpy_network import NumpyNetwork

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
    ours = ops.convert_to_numpy(ours)
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= tolerance * np.abs(theirs).max()


@pytest.mark.parametrize("pattern", ["unilm", "bidirectional"])
@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS.keys())
def test_hidden_states_logits_and_pooled_vectors_are_those_of_the_papers(
    small_config, random_network, random_rows, changes, pattern
):
    config = small_config(**changes)
    backbone, weights = random_network(config)
    reference = NumpyNetwork(config, weights)
    token_ids, segment_ids = random_rows([(7, 5), (4, 8), (3, 2), (6, 0)])
    first, last = reference.hidden_states(token_ids, segment_ids, pattern)

    states = backbone(token_ids, segment_ids, pattern=pattern)
    real = token_ids != 0
    assert_agree(ops.convert_to_numpy(states.first)[real], first[real])
    assert_agree(ops.convert_to_numpy(states.last)[real], last[real])
    assert_agree(ops.convert_to_numpy(backbone.lm_logits(states.last))[real], reference.logits(last)[real])
    assert_agree(backbone.pooled(states, "P1"), last[:, 0])
    assert_agree(backbone.pooled(states, "P2"), reference.pooler(last[:, 0]))
    means = {"P3": last, "P4": (first + last) / 2}
    for pooling, hidden in means.items():
        expected = np.stack([hidden[i][real[i]].mean(axis=0) for i in range(len(hidden))])
        assert_agree(backbone.pooled(states, pooling), expected)


def test_segments_default_to_the_source(small_config, random_network, random_rows):
    backbone, _ = random_network(small_config())
    token_ids, zeros = random_rows([(6, 0), (6, 0)])
    without, given = backbone(token_ids), backbone(token_ids, zeros)
    np.testing.assert_array_equal(ops.convert_to_numpy(without.last), ops.convert_to_numpy(given.last))


def test_the_segment_embedding_counts(small_config, random_network, random_rows):
    backbone, _ = random_network(small_config())
    token_ids, segment_ids = random_rows([(3, 3)])
    as_pair, as_one = backbone(token_ids, segment_ids), backbone(token_ids)
    assert not np.allclose(ops.convert_to_numpy(as_pair.last), ops.convert_to_numpy(as_one.last), atol=1e-2)


def test_a_padding_id_other_than_zero_is_absent_too(small_config, random_network):
    backbone, _ = random_network(small_config(pad_token_id=9))
    padded = backbone(np.array([[0, 4, 5, 9, 9]], np.int32))
    alone = backbone(np.array([[0, 4, 5]], np.int32))
    assert_agree(padded.last[:, :3], ops.convert_to_numpy(alone.last))


def test_an_unknown_pattern_is_refused_by_name(small_config, random_network, random_rows):
    backbone, _ = random_network(small_config())
    with pytest.raises(ValueError, match="causal"):
        backbone(random_rows([(4, 0)])[0], pattern="causal")


def test_bert_refuses_more_tokens_than_it_has_positions(small_config, random_network, random_rows):
    backbone, _ = random_network(small_config(model_type="bert", max_position_embeddings=8))
    assert backbone(random_rows([(8, 0)])[0]).last.shape == (1, 8, 32)
    with pytest.raises(ValueError, match=r"9 tokens.*8 positions"):
        backbone(random_rows([(9, 0)])[0])


def test_roformer_has_no_longest_sentence(small_config, random_network, random_rows):
    config = small_config(max_position_embeddings=8)
    backbone, weights = random_network(config)
    token_ids, segment_ids = random_rows([(700, 0)])
    _, last = NumpyNetwork(config, weights).hidden_states(token_ids, segment_ids, "bidirectional")
    assert_agree(backbone(token_ids, segment_ids).last, last, tolerance=1e-4)


def test_a_configuration_rebuilds_the_network(small_config, random_network):
    from roformer_sim.models import Backbone

    backbone, _ = random_network(small_config(model_type="bert", embedding_size=16, hidden_act="relu"))
    again = Backbone.from_config(backbone.get_config())
    assert again.config == backbone.config
    assert [w.shape for w in again.weights] == [w.shape for w in backbone.weights]
