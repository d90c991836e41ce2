"""Decoding with kept keys and values gives what one pass over the whole row gives."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops


@pytest.mark.parametrize("changes", [{}, {"model_type": "bert"}, {"embedding_size": 16}], ids=str)
def test_each_step_equals_the_full_unilm_pass(small_config, random_network, random_rows, changes):
    backbone, _ = random_network(small_config(**changes))
    source, steps, rows = 5, 4, 3
    token_ids, segment_ids = random_rows([(source, steps)] * rows)
    states = backbone(token_ids, segment_ids, pattern="unilm")
    expected = ops.convert_to_numpy(backbone.lm_logits(states.last))

    logits, cache = backbone.prefill(token_ids[:, :source])
    for step in range(steps + 1):
        wanted = expected[:, source - 1 + step]
        np.testing.assert_allclose(ops.convert_to_numpy(logits), wanted, atol=1e-5 * np.abs(wanted).max())
        if step < steps:
            position = source + step
            logits, cache = backbone.decode_step(token_ids[:, position], position, cache)
    assert [tuple(keys.shape) for keys, _ in cache] == [(rows, source + steps, 4, 8)] * 3


def test_bert_refuses_to_decode_beyond_its_positions(small_config, random_network, random_rows):
    backbone, _ = random_network(small_config(model_type="bert", max_position_embeddings=5))
    token_ids, _ = random_rows([(5, 0)])
    _, cache = backbone.prefill(token_ids)
    with pytest.raises(ValueError, match=r"6 tokens.*5 positions"):
        backbone.decode_step(token_ids[:, 0], 5, cache)
    with pytest.raises(ValueError, match=r"7 tokens.*5 positions"):
        backbone.prefill(random_rows([(7, 0)])[0])
