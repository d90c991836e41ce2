"""Beam search against trying every sentence."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from plain_engine import PlainEngine

from roformer_sim import InputError
from roformer_sim.generation.beam import BeamSearch, search_targets
from roformer_sim.generation.constraints import BeginWith, MinimumLength
from roformer_sim.generation.decoding import Source, sample_targets
from roformer_sim.generation.engines import SamplingRule
from roformer_sim.generation.engines.choose import make_engine
from roformer_sim.network import Network

MAXLEN, WORDS = 3, (7, 9, 11)


@pytest.fixture(scope="module")
def engine(backbone):
    return PlainEngine(backbone)


@pytest.fixture(scope="module")
def source_ids(tiny_tokenizer):
    return tiny_tokenizer.encode("怎么借钱").token_ids.tolist()


@pytest.fixture(scope="module")
def rule(tiny_tokenizer):
    allowed = {*WORDS, tiny_tokenizer.sep_id}
    return SamplingRule(
        tiny_tokenizer.sep_id, tuple(i for i in range(tiny_tokenizer.vocab_size) if i not in allowed)
    )


@pytest.fixture(scope="module")
def everything(engine, source_ids, rule):
    """Log-probability of every sentence of the three words, ended or full."""
    found = {}
    for length in range(MAXLEN + 1):
        for tokens in product(WORDS, repeat=length):
            ended = length < MAXLEN
            total = 0.0
            for place, token in enumerate([*tokens, *[rule.end_id] * ended]):
                scores = engine.scores([source_ids], [list(tokens[:place])])[0].astype(np.float64)
                total += scores[token] - scores.max() - np.log(np.exp(scores - scores.max()).sum())
            found[tokens] = (total, length + ended)
    return found


@pytest.mark.parametrize("length_penalty", [0.0, 1.0, 2.0])
def test_with_beams_for_all_it_finds_the_best_of_all(engine, source_ids, rule, everything, length_penalty):
    search = BeamSearch(30, length_penalty=length_penalty)
    [found] = search_targets(engine, [Source(source_ids, 10)], rule, search, maxlen=MAXLEN)
    ranking = sorted(
        everything, key=lambda t: everything[t][0] / everything[t][1] ** length_penalty, reverse=True
    )
    assert [tuple(target.token_ids) for target in found] == ranking[:10]
    for target in found:
        assert target.log_probability == pytest.approx(everything[tuple(target.token_ids)][0], abs=1e-4)


def test_one_beam_is_greedy_where_ends_are_not_likelier_than_going_on(engine, source_ids, rule):
    greedy = SamplingRule(rule.end_id, (*rule.banned_ids, rule.end_id), greedy=True)
    [expected] = sample_targets(engine, [Source(source_ids, 1)], greedy, maxlen=MAXLEN)
    [found] = search_targets(engine, [Source(source_ids, 1)], greedy, BeamSearch(1), maxlen=MAXLEN)
    assert found[0].token_ids == expected[0].token_ids


def test_groups_with_a_high_penalty_begin_differently(engine, source_ids, rule):
    without_end = SamplingRule(rule.end_id, (*rule.banned_ids, rule.end_id))
    search = BeamSearch(3, groups=3, group_penalty=1000.0)
    [found] = search_targets(engine, [Source(source_ids, 3)], without_end, search, maxlen=MAXLEN)
    for place in range(MAXLEN):
        assert {target.token_ids[place] for target in found} == set(WORDS)


def test_groups_without_a_penalty_find_the_same(engine, source_ids, rule):
    search = BeamSearch(4, groups=2, group_penalty=0.0)
    [found] = search_targets(engine, [Source(source_ids, 4)], rule, search, maxlen=MAXLEN)
    [of_two] = search_targets(engine, [Source(source_ids, 2)], rule, BeamSearch(2), maxlen=MAXLEN)
    assert [target.token_ids for target in found][:2] == [target.token_ids for target in of_two]


class TestManySources:
    """Sources of other lengths, numbers of sentences and constraints, decoded together."""

    @pytest.fixture(scope="class")
    def free(self, tiny_tokenizer):
        return SamplingRule(tiny_tokenizer.sep_id, (0, 1, 2, 4))

    @pytest.fixture(scope="class")
    def sources(self, tiny_tokenizer, free):
        ids = [
            tiny_tokenizer.encode(text).token_ids.tolist()
            for text in ("怎么借钱", "北京的天气如何", "雨", "今天天气好吗")
        ]
        constraints = [(), (BeginWith((7, 9)),), (), (MinimumLength(5, free.end_id),)]
        return [
            Source(one, n, constraints=some)
            for one, n, some in zip(ids, (4, 1, 3, 2), constraints, strict=True)
        ]

    @pytest.mark.parametrize(
        "name",
        ["keras", "native-float32"],
    )
    def test_each_gets_what_it_gets_alone(self, backbone, sources, free, name):
        engine = make_engine(name, Network.of(backbone))
        for search in (BeamSearch(4), BeamSearch(4, groups=2, group_penalty=2.0)):
            together = search_targets(engine, sources, free, search, maxlen=6)
            two_at_a_time = search_targets(engine, sources, free, search, maxlen=6, rows_at_once=9)
            alone = [search_targets(engine, [source], free, search, maxlen=6)[0] for source in sources]
            assert list(map(len, together)) == [4, 1, 3, 2]
            for others in (together, two_at_a_time):
                for found, expected in zip(others, alone, strict=True):
                    assert [one.token_ids for one in found] == [one.token_ids for one in expected]
                    assert [one.log_probability for one in found] == pytest.approx(
                        [one.log_probability for one in expected], abs=1e-4
                    )

    def test_those_that_have_ended_leave(self, engine, sources, free, monkeypatch):
        rows_of_steps, scores = [], engine.scores
        monkeypatch.setattr(
            engine,
            "scores",
            lambda rows, targets: rows_of_steps.append(len(rows)) or scores(rows, targets),
        )

        def steps_of(some):
            rows_of_steps.clear()
            search_targets(engine, some, free, BeamSearch(2), maxlen=6)
            return list(rows_of_steps)

        def ends_after(length):
            def constraint(so_far, scores):
                if len(so_far) >= length:
                    scores[np.arange(len(scores)) != free.end_id] = -np.inf

            return (constraint,)

        some = [
            Source(source.token_ids, 1, constraints=ends_after(length))
            for source, length in zip(sources, (3, 1, 2), strict=False)
        ]
        alone = [steps_of([source]) for source in some]
        together = steps_of(some)
        assert [len(steps) for steps in alone] == [4, 2, 3]
        at_step = [sum(steps[i] for steps in alone if i < len(steps)) for i in range(max(map(len, alone)))]
        assert together == at_step

    def test_no_sources(self, engine, free):
        assert search_targets(engine, [], free, BeamSearch(2)) == []


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"beams": 0}, "beams must"),
        ({"beams": 4, "groups": 3}, "4 beams cannot be divided into 3 groups"),
        ({"beams": 4, "group_penalty": -1.0}, "group_penalty"),
        ({"beams": 4, "length_penalty": float("nan")}, "length_penalty"),
    ],
)
def test_values_out_of_range_are_refused(wrong, named):
    with pytest.raises(InputError, match=named):
        BeamSearch(**wrong)


def test_more_sentences_than_beams_are_refused(engine, source_ids, rule):
    with pytest.raises(InputError, match="n is 3, but 2 beams"):
        search_targets(engine, [Source(source_ids, 3)], rule, BeamSearch(2), maxlen=MAXLEN)
