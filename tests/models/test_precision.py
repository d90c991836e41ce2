"""mixed_bfloat16 computes in half the bits; what leaves the network is float32 and near."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from roformer_sim.models import Pooling


@pytest.mark.parametrize("model_type", ["roformer", "bert"])
def test_vectors_and_logits_are_float32_and_near_the_float32_ones(
    small_config, random_network, random_rows, model_type
):
    config = small_config(model_type=model_type)
    token_ids, segment_ids = random_rows([(6, 6), (5, 3)])
    outputs = {}
    for dtype in ("float32", "mixed_bfloat16"):
        backbone, _ = random_network(config, dtype)
        states = backbone(token_ids, segment_ids, pattern="unilm")
        outputs[dtype] = [backbone.lm_logits(states.last[:, :5])]
        outputs[dtype] += [backbone.pooled(states, pooling) for pooling in Pooling]
        assert {w.dtype for w in backbone.weights} == {"float32"}
    for exact, coarse in zip(outputs["float32"], outputs["mixed_bfloat16"], strict=True):
        exact, coarse = ops.convert_to_numpy(exact), ops.convert_to_numpy(coarse)
        assert coarse.dtype == np.float32
        # bfloat16 has 8 significant bits; a few layers of rounding stay within 4 % of the largest value.
        difference = np.abs(exact - coarse).max() / np.abs(exact).max()
        assert 1e-5 < difference < 0.04


def test_padding_and_masks_hold_in_bfloat16_too(small_config, random_network, random_rows):
    backbone, _ = random_network(small_config(), "mixed_bfloat16")
    token_ids, segment_ids = random_rows([(4, 4)])
    changed = token_ids.copy()
    changed[0, 6] = token_ids[0, 6] % 59 + 1
    before, after = (
        ops.convert_to_numpy(ops.cast(backbone(ids, segment_ids, pattern="unilm").last, "float32"))
        for ids in (token_ids, changed)
    )
    np.testing.assert_array_equal(before[0, :6], after[0, :6])
    assert (before[0, 6:] != after[0, 6:]).any()
