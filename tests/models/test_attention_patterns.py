"""Who sees whom: what a token's hidden state depends on, and what it does not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from keras import ops

from roformer_sim.models import attention_bias, unilm_mask

ROWS, LENGTH, SOURCE = 8, 12, 6
TOKENS = arrays(np.int32, (ROWS, LENGTH), elements=st.integers(1, 59))
CHANGES = arrays(np.int32, ROWS, elements=st.integers(1, 58))
PROPERTY = settings(max_examples=6, deadline=None)
SEGMENTS = np.array([[0] * SOURCE + [1] * (LENGTH - SOURCE)] * ROWS, np.int32)


@pytest.fixture(scope="module", params=["roformer", "bert"])
def network(request, small_config, random_network):
    return random_network(small_config(model_type=request.param))


def last_hidden(network, token_ids, segment_ids, pattern):
    return network(token_ids, segment_ids.astype(np.int32), pattern)["last"]


def test_the_mask_of_a_worked_example():
    # [CLS] 好 [SEP] 很 好 [SEP]: three source tokens, three targets.
    allowed = ops.convert_to_numpy(unilm_mask(np.array([[0, 0, 0, 1, 1, 1]])))[0]
    assert allowed.astype(int).tolist() == [
        [1, 1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0, 0],
        [1, 1, 1, 1, 0, 0],
        [1, 1, 1, 1, 1, 0],
        [1, 1, 1, 1, 1, 1],
    ]


def test_the_bias_is_zero_where_allowed_and_leaves_nothing_elsewhere():
    present = np.array([[True, True, False]])
    for pattern, rows in (("bidirectional", 1), ("unilm", 3)):
        bias = ops.convert_to_numpy(attention_bias(present, np.array([[0, 1, 0]]), pattern))
        assert bias.shape == (1, 1, rows, 3) and bias.dtype == np.float32
        assert bias[0, 0, -1, :2].tolist() == [0.0, 0.0]
        # What is left of a hidden column whose own score is far above the others'.
        assert np.exp(np.float32(500.0) + bias[0, 0, -1, 2]) == 0.0


def changed(tokens, place, by):
    """The rows with another token at ``place``, never the padding id."""
    result = tokens.copy()
    result[:, place] = 1 + (tokens[:, place] - 1 + by) % 59
    return result


@PROPERTY
@given(tokens=TOKENS, place=st.integers(SOURCE, LENGTH - 1), by=CHANGES)
def test_unilm_a_changed_target_changes_nothing_before_it(network, tokens, place, by):
    before = last_hidden(network, tokens, SEGMENTS, "unilm")
    after = last_hidden(network, changed(tokens, place, by), SEGMENTS, "unilm")
    np.testing.assert_array_equal(before[:, :place], after[:, :place])
    assert (before[:, place:] != after[:, place:]).any(axis=-1).all()


@PROPERTY
@given(tokens=TOKENS, place=st.integers(0, SOURCE - 1), by=CHANGES)
def test_unilm_a_changed_source_changes_everything(network, tokens, place, by):
    before = last_hidden(network, tokens, SEGMENTS, "unilm")
    after = last_hidden(network, changed(tokens, place, by), SEGMENTS, "unilm")
    assert (before != after).any(axis=-1).all()


@PROPERTY
@given(tokens=TOKENS, place=st.integers(0, LENGTH - 1), by=CHANGES)
def test_bidirectional_a_changed_token_changes_everything(network, tokens, place, by):
    before = last_hidden(network, tokens, SEGMENTS, "bidirectional")
    after = last_hidden(network, changed(tokens, place, by), SEGMENTS, "bidirectional")
    assert (before != after).any(axis=-1).all()


@PROPERTY
@given(tokens=TOKENS)
def test_cls_of_the_unilm_pass_is_cls_of_the_source_alone(network, tokens):
    pair = last_hidden(network, tokens, SEGMENTS, "unilm")[:, 0]
    source = last_hidden(network, tokens[:, :SOURCE], SEGMENTS[:, :SOURCE], "bidirectional")[:, 0]
    np.testing.assert_allclose(pair, source, atol=1e-5 * np.abs(source).max())


@PROPERTY
@given(
    tokens=TOKENS,
    length=st.sampled_from([2, 7, 11]),
    sources=arrays(np.int32, ROWS, elements=st.integers(1, LENGTH)),
    pattern=st.sampled_from(["unilm", "bidirectional"]),
)
def test_padding_changes_nothing(network, tokens, length, sources, pattern):
    segments = (np.arange(LENGTH) >= sources[:, None]).astype(np.int32)
    present = np.arange(LENGTH) < length
    alone = last_hidden(network, tokens[:, :length], segments[:, :length], pattern)
    padded = last_hidden(network, tokens * present, segments * present, pattern)
    np.testing.assert_allclose(padded[:, :length], alone, atol=1e-5 * np.abs(alone).max())


def test_a_row_of_padding_alone_is_finite(network):
    for pattern in ("unilm", "bidirectional"):
        hidden = last_hidden(network, np.zeros((ROWS, LENGTH)), np.zeros((ROWS, LENGTH)), pattern)
        assert np.isfinite(hidden).all()
