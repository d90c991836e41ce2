"""Sampling targets: decided by the seed, ended by [SEP], the same as decoding without any cache."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

from roformer_sim import InputError
from roformer_sim.generation import sample_targets
from roformer_sim.generation.sampling import draw, next_token_probabilities
from roformer_sim.models import Backbone

MAXLEN, ROWS = 4, 8


@pytest.fixture(scope="module")
def source(tiny_tokenizer):
    return tiny_tokenizer.encode("怎么借钱").token_ids.tolist()


@pytest.fixture(scope="module")
def sample(backbone, tiny_tokenizer, source):
    def run(seed, **settings):
        settings = {"n": ROWS, "maxlen": MAXLEN, "end_id": tiny_tokenizer.sep_id, **settings}
        return sample_targets(backbone, source, rng=np.random.default_rng(seed), **settings)

    return run


@pytest.fixture(scope="module")
def all_logits(backbone):
    """Next-token scores of whole rows, one UniLM pass from the first token to the last."""

    def run(token_ids, segment_ids):
        return backbone.lm_logits(backbone(token_ids, segment_ids, pattern="unilm").last)

    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(run)
    return run


def decode_without_cache(all_logits, source, n, *, end_id, banned_ids, maxlen, rng, **sampling):
    """Every step reads every row again from its beginning."""
    rows, finished = [[] for _ in range(n)], [False] * n
    for step in range(maxlen):
        token_ids = np.zeros((n, len(source) + step), np.int32)
        for i, row in enumerate(rows):
            token_ids[i] = source + row + [end_id] * (step - len(row))
        segment_ids = (np.arange(len(source) + step) >= len(source)).astype(np.int32)
        logits = ops.convert_to_numpy(all_logits(token_ids, np.tile(segment_ids, (n, 1))))[:, -1]
        going = [i for i in range(n) if not finished[i]]
        if not going:
            break
        scores = logits[going].copy()
        scores[:, banned_ids] = -np.inf
        for i, token in zip(going, draw(next_token_probabilities(scores, **sampling), rng), strict=True):
            if token == end_id:
                finished[i] = True
            else:
                rows[i].append(int(token))
    return rows


@pytest.mark.parametrize(
    "settings",
    [{"top_p": 0.95}, {"top_k": 5, "top_p": None}, {"top_k": 20, "top_p": 0.7, "temperature": 1.5}],
    ids=str,
)
def test_equals_decoding_without_a_cache(sample, all_logits, source, tiny_tokenizer, settings):
    banned = [0, 1, 2, 4]
    ours = sample(11, banned_ids=banned, **settings)
    plain = decode_without_cache(
        all_logits,
        source,
        ROWS,
        end_id=tiny_tokenizer.sep_id,
        banned_ids=banned,
        maxlen=MAXLEN,
        rng=np.random.default_rng(11),
        **settings,
    )
    assert ours == plain
    lengths = set(map(len, ours))
    assert len(lengths) > 1, "rows end at different steps"


def test_the_seed_decides(sample):
    assert sample(1) == sample(1) != sample(2)


def test_rows_end_with_sep_or_at_maxlen(sample, tiny_tokenizer):
    rows = sample(3)
    assert len(rows) == ROWS
    assert not any(tiny_tokenizer.sep_id in row for row in rows)
    assert max(map(len, rows)) == MAXLEN and min(map(len, rows)) < MAXLEN


def test_one_row_of_one_token(sample):
    (row,) = sample(0, n=1, maxlen=1)
    assert len(row) <= 1


def test_banned_tokens_are_never_drawn(sample, tiny_tokenizer):
    # All but three: what is not banned shares the whole probability.
    allowed = {tiny_tokenizer.sep_id, 10, 11}
    banned = [i for i in range(tiny_tokenizer.vocab_size) if i not in allowed]
    drawn = {token for row in sample(4, banned_ids=banned, top_p=1.0) for token in row}
    assert drawn and drawn <= allowed


def test_bert_needs_positions_for_source_and_target(tiny_config):
    config = tiny_config.model_copy(update={"model_type": "bert", "max_position_embeddings": 8})
    with pytest.raises(InputError, match=r"9 tokens.*8 positions"):
        sample_targets(Backbone(config), [2, 5, 6, 3], 1, end_id=3, maxlen=6, rng=np.random.default_rng(0))


def test_top_k_of_one_is_greedy(sample):
    rows = sample(5, top_k=1, top_p=None)
    assert rows == [rows[0]] * ROWS == sample(6, top_k=1, top_p=None)
