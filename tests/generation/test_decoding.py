"""Sampling targets of many sources: decided by each one's seed, ended by [SEP], scored, constrained."""

from __future__ import annotations

import numpy as np
import pytest
from plain_engine import PlainEngine

from roformer_sim import InputError
from roformer_sim.generation import decoding
from roformer_sim.generation.constraints import BeginWith, MinimumLength, NoRepeatedNgram, Without
from roformer_sim.generation.decoding import Source, sample_targets
from roformer_sim.generation.engines import SamplingRule
from roformer_sim.generation.sampling import next_token_probabilities
from roformer_sim.models import Backbone

MAXLEN, BANNED = 5, (0, 1, 2, 4)
TEXTS = ("怎么借钱", "今天下雨", "北京的天气如何")


@pytest.fixture(scope="module")
def engine(backbone):
    return PlainEngine(backbone)


@pytest.fixture(scope="module")
def ids(tiny_tokenizer):
    return [tiny_tokenizer.encode(text).token_ids.tolist() for text in TEXTS]


@pytest.fixture(scope="module")
def rule(tiny_tokenizer):
    return SamplingRule(tiny_tokenizer.sep_id, BANNED, top_p=0.95)


def tokens_of(results):
    return [[target.token_ids for target in targets] for targets in results]


def test_the_rule_is_followed_token_by_token(engine, ids, rule):
    """Each token is the first whose running probability exceeds the row's random number."""
    [targets] = sample_targets(engine, [Source(ids[0], 6, seed=11)], rule, maxlen=MAXLEN)
    uniforms = np.random.default_rng(11).random((6, MAXLEN), np.float32)
    for target, numbers in zip(targets, uniforms, strict=True):
        so_far: list[int] = []
        logarithm = 0.0
        for token, number in zip([*target.token_ids, rule.end_id], numbers, strict=False):
            scores = engine.scores([ids[0]], [so_far])
            kept = next_token_probabilities(scores, rule)[0]
            assert token == np.searchsorted(np.cumsum(kept), number, side="right")
            logarithm += scores[0, token] - np.log(np.exp(scores[0]).sum(dtype=np.float64))
            so_far.append(token)
        assert target.log_probability == pytest.approx(logarithm, abs=1e-4)
        assert target.ended == (len(target.token_ids) < MAXLEN)
    assert len({len(target.token_ids) for target in targets}) > 1, "rows end at different steps"


def test_a_source_gets_the_same_alone_among_others_and_in_several_waves(engine, ids, rule):
    sources = [Source(ids[0], 3, 1), Source(ids[1], 5, 2), Source(ids[2], 4, 1)]
    together = tokens_of(sample_targets(engine, sources, rule, maxlen=MAXLEN))
    alone = [tokens_of(sample_targets(engine, [source], rule, maxlen=MAXLEN))[0] for source in sources]
    in_waves = tokens_of(sample_targets(engine, sources, rule, maxlen=MAXLEN, rows_at_once=2))
    assert together == alone == in_waves
    assert list(map(len, together)) == [3, 5, 4]


def test_rows_that_ended_are_no_longer_computed(engine, ids, rule, monkeypatch):
    rows_of_steps = []
    scores = engine.scores
    monkeypatch.setattr(
        engine,
        "scores",
        lambda sources, targets: rows_of_steps.append(len(sources)) or scores(sources, targets),
    )
    monkeypatch.setattr(decoding, "WORTH_COMPACTING", 1.0)
    [targets] = sample_targets(engine, [Source(ids[0], 8, 3)], rule, maxlen=MAXLEN)
    lengths = [len(target.token_ids) for target in targets]
    # Step t computes the rows that have t tokens, or had more.
    assert (
        rows_of_steps[1:] == [sum(n >= t for n in lengths) for t in range(1, max(lengths) + 1)][: MAXLEN - 1]
    )


def test_decoding_stops_when_every_row_ended(engine, ids, rule):
    sure = SamplingRule(rule.end_id, tuple(i for i in range(engine.config.vocab_size) if i != rule.end_id))
    before = engine.steps
    [targets] = sample_targets(engine, [Source(ids[0], 4, 0)], sure, maxlen=50)
    assert [target.token_ids for target in targets] == [[]] * 4 and all(target.ended for target in targets)
    assert engine.steps == before + 1


def test_greedy_takes_the_likeliest_token(engine, ids, tiny_tokenizer):
    rule = SamplingRule(tiny_tokenizer.sep_id, BANNED, greedy=True)
    one = SamplingRule(tiny_tokenizer.sep_id, BANNED, top_k=1)
    greedy, likeliest = (
        tokens_of(sample_targets(engine, [Source(ids[1], 2, seed)], one_rule, maxlen=MAXLEN))
        for seed, one_rule in ((None, rule), (5, one))
    )
    assert greedy == likeliest


class TestConstraints:
    def draw(self, engine, ids, rule, *constraints, n=12, maxlen=6):
        [targets] = sample_targets(engine, [Source(ids[0], n, 4, constraints)], rule, maxlen=maxlen)
        return [target.token_ids for target in targets]

    def test_the_network_does_otherwise_without_them(self, engine, ids, rule):
        rows = self.draw(engine, ids, rule, n=24, maxlen=9)
        assert min(map(len, rows)) < 5

    def test_minimum_length(self, engine, ids, rule):
        rows = self.draw(engine, ids, rule, MinimumLength(5, rule.end_id), n=24, maxlen=9)
        assert 5 <= min(map(len, rows)) < 9

    def test_begin_with(self, engine, ids, rule):
        assert all(row[:2] == [7, 9] for row in self.draw(engine, ids, rule, BeginWith((7, 9))))

    def test_without_a_sequence_but_not_without_its_parts(self):
        scores = np.zeros((3, 9), np.float32)
        word = Without((5, 6, 7))
        for so_far, row in (([5, 6], scores[0]), ([6, 5], scores[1]), ([], scores[2])):
            word(np.array(so_far, np.int32), row)
        assert np.argwhere(np.isneginf(scores)).tolist() == [[0, 7]]

    def test_no_repeated_ngram(self):
        scores = np.zeros(9, np.float32)
        NoRepeatedNgram(2)(np.array([3, 4, 5, 3], np.int32), scores)
        assert np.flatnonzero(np.isneginf(scores)).tolist() == [4]
        NoRepeatedNgram(1)(np.array([3, 4], np.int32), scores)
        assert np.flatnonzero(np.isneginf(scores)).tolist() == [3, 4]

    def test_sources_with_and_without_them_in_one_wave(self, engine, ids, rule):
        free, bound = Source(ids[0], 4, 7), Source(ids[1], 4, 7, (BeginWith((7,)),))
        together = tokens_of(sample_targets(engine, [free, bound], rule, maxlen=MAXLEN))
        assert together[0] == tokens_of(sample_targets(engine, [free], rule, maxlen=MAXLEN))[0]
        assert all(row[0] == 7 for row in together[1])


def test_bert_needs_positions_for_source_and_target(tiny_config):
    config = tiny_config.model_copy(update={"model_type": "bert", "max_position_embeddings": 8})
    with pytest.raises(InputError, match=r"9 tokens.*8 positions"):
        sample_targets(PlainEngine(Backbone(config)), [Source([2, 5, 6, 3], 1)], SamplingRule(3), maxlen=6)
