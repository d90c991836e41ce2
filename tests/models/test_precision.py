"""mixed_bfloat16 computes in half the bits; what leaves the network is float32 and near."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.mark.parametrize("model_type", ["roformer", "bert"])
def test_vectors_and_logits_are_float32_and_near_the_float32_ones(
    small_config, random_network, random_rows, model_type
):
    config = small_config(model_type=model_type)
    token_ids, segment_ids = random_rows([(6, 6), (5, 3)])
    real = token_ids != 0
    exact, coarse = (
        random_network(config, dtype)(token_ids, segment_ids, "unilm")
        for dtype in ("float32", "mixed_bfloat16")
    )
    for name in ("P1", "P2", "P3", "P4", "logits"):
        ours, wanted = coarse[name], exact[name]
        if name == "logits":
            ours, wanted = ours[real], wanted[real]
        assert ours.dtype == np.float32
        # bfloat16 has 8 significant bits; a few layers of rounding stay within 4 % of the largest value.
        assert 1e-5 < np.abs(ours - wanted).max() / np.abs(wanted).max() < 0.04


def test_weights_stay_float32(small_config, random_network):
    backbone = random_network(small_config(), "mixed_bfloat16").backbone
    assert {weight.dtype for weight in backbone.weights} == {"float32"}


def test_what_a_token_may_not_see_stays_without_effect(small_config, random_network, random_rows):
    network = random_network(small_config(), "mixed_bfloat16")
    token_ids, segment_ids = random_rows([(6, 6), (5, 3)])
    changed = token_ids.copy()
    changed[:, 7] = token_ids[:, 7] % 59 + 1
    before, after = (network(ids, segment_ids, "unilm")["logits"] for ids in (token_ids, changed))
    np.testing.assert_array_equal(before[:, :7], after[:, :7])
    assert (before[:, 7] != after[:, 7]).any()
