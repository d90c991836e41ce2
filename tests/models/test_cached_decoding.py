"""Decoding with kept keys and values gives what one pass over the whole row gives."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from roformer_sim import InputError


@pytest.mark.parametrize("changes", [{}, {"model_type": "bert"}, {"embedding_size": 16}], ids=str)
def test_each_step_equals_the_full_unilm_pass(small_config, random_network, random_rows, changes):
    network = random_network(small_config(**changes))
    source, steps, rows = 5, 3, 3
    token_ids, segment_ids = random_rows([(source, steps)] * rows)
    expected = network(token_ids, segment_ids, "unilm")["logits"]

    logits, cache = network.prefill(token_ids[:, :source])
    for position in range(source, source + steps + 1):
        wanted = expected[:, position - 1]
        np.testing.assert_allclose(ops.convert_to_numpy(logits), wanted, atol=1e-5 * np.abs(wanted).max())
        if position < source + steps:
            logits, cache = network.decode_step(token_ids[:, position], position, cache)
    assert [tuple(keys.shape) for keys, _ in cache] == [(rows, 4, source + steps, 8)] * 2


def test_bert_refuses_to_decode_beyond_its_positions(small_config, random_network):
    network = random_network(small_config(model_type="bert", max_position_embeddings=8))
    _, cache = network.prefill(np.ones((1, 8), np.int32))
    with pytest.raises(InputError, match=r"9 tokens.*8 positions"):
        network.backbone.decode_step(np.ones(1, np.int32), 8, cache)
    with pytest.raises(InputError, match=r"10 tokens.*8 positions"):
        network.prefill(np.ones((1, 10), np.int32))
