"""Log-probability of variants against a NumPy network."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy_network import NumpyNetwork

from corpus_builder.errors import InputError
from roformer_sim.checkpoints import load_preset
from roformer_sim.generation.engines.keras_engine import KerasEngine
from roformer_sim.generation.likelihood import Likelihood, target_likelihoods

SOURCES = ["怎么开通花呗", "广州和深圳哪个好？", "怎么开通花呗", "今天天气真好" * 5, "好"]
VARIANTS = ["花呗如何开通", "深圳和广州哪个更好", "花呗如何开通", "好" * 20, ""]


@pytest.fixture(scope="module")
def expected(tiny_preset) -> list[Likelihood]:
    """From full logits of each row alone, without padding, in float64."""
    preset = load_preset(tiny_preset)
    network = NumpyNetwork(preset.config, preset.weights)
    result = []
    for source, variant in zip(SOURCES, VARIANTS, strict=True):
        encoding = preset.tokenizer.encode(source, variant)
        ids, segments = encoding.token_ids, encoding.segment_ids
        _, last = network.hidden_states(ids[None], segments[None], "unilm")
        logits = network.logits(last[0])
        logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        targets = np.flatnonzero(segments == 1)
        result.append(Likelihood(sum(logs[t - 1, ids[t]] for t in targets), len(targets)))
    return result


@pytest.mark.parametrize("batch_size", [3, 64])
def test_it_is_what_full_logits_give(tiny_model, expected: list[Likelihood], batch_size: int) -> None:
    found = target_likelihoods(
        tiny_model.backbone, tiny_model.tokenizer, SOURCES, VARIANTS, batch_size=batch_size
    )
    assert [likelihood.tokens for likelihood in found] == [7, 10, 7, 21, 1]
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.tokens == theirs.tokens
        assert ours.log_probability == pytest.approx(theirs.log_probability, abs=1e-3, rel=1e-4)


def test_the_probabilities_of_what_may_come_next_add_up_to_one(tiny_model) -> None:
    # p([SEP]) once nothing was said, from the decoder's own scores.
    _, logits = KerasEngine(tiny_model.backbone).begin([tiny_model.tokenizer.encode("好").token_ids], [1])
    scores = logits[0].astype(np.float64)
    end = scores[tiny_model.tokenizer.sep_id] - np.log(np.exp(scores).sum())
    [empty] = target_likelihoods(tiny_model.backbone, tiny_model.tokenizer, ["好"], [""])
    assert empty == Likelihood(pytest.approx(end, abs=1e-4), 1)


def test_per_token_is_the_logarithm_of_the_perplexity() -> None:
    # Four tokens of probability 1/8 each: perplexity 8.
    assert math.exp(Likelihood(4 * math.log(1 / 8), 4).per_token) == pytest.approx(8.0)


def test_long_pairs_are_cut_with_a_warning_and_wrong_arguments_refused(tiny_model) -> None:
    backbone, tokenizer = tiny_model.backbone, tiny_model.tokenizer
    with pytest.warns(UserWarning, match="1 of 2 pairs cut to 16 tokens"):
        found = target_likelihoods(backbone, tokenizer, ["好", "好"], ["好" * 30, "好"], maxlen=8)
    assert [likelihood.tokens for likelihood in found] == [13, 2]
    assert target_likelihoods(backbone, tokenizer, [], []) == []
    with pytest.raises(InputError, match="1 sources, 2 variants"):
        target_likelihoods(backbone, tokenizer, ["好"], ["好", "好"])
    with pytest.raises(InputError, match="batch_size"):
        target_likelihoods(backbone, tokenizer, ["好"], ["好"], batch_size=0)
