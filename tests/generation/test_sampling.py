"""Which token comes next: temperature, top-k, nucleus and the draw, against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from roformer_sim import InputError
from roformer_sim.generation.engines import SamplingRule
from roformer_sim.generation.sampling import draw_tokens, kept, next_token_probabilities

SEEDS = st.integers(0, 2**32 - 1)
END = 3


def some_scores(seed, rows=3, size=9):
    rng = np.random.default_rng(seed)
    scores = np.log(rng.dirichlet(np.full(size, rng.uniform(0.1, 3.0)), rows) + 1e-30)
    return scores.astype(np.float32)


def plain_kept(weights, top_k, top_p):
    """Ids that stay, most likely first; of equally likely ones the lower id is first."""
    order = sorted(range(len(weights)), key=lambda i: (-weights[i], i))
    order = order[:top_k]
    if top_p is None:
        return order
    total, reached = sum(weights[i] for i in order), 0.0
    for count, i in enumerate(order, 1):
        reached += weights[i]
        if reached >= top_p * total:
            return order[:count]
    return order


def plain_draw(scores, uniform, rule):
    """The rule of :func:`draw_tokens`, word by word."""
    scores = scores.astype(np.float64)
    logarithms = scores - np.log(np.exp(scores - scores.max()).sum()) - scores.max()
    allowed = [i for i in range(len(scores)) if i not in rule.banned_ids]
    if rule.greedy:
        token = max(allowed, key=lambda i: scores[i])
        return token, logarithms[token]
    highest = max(scores[allowed])
    weights = [
        np.exp((s - highest) / rule.temperature) if i in allowed else 0.0 for i, s in enumerate(scores)
    ]
    stay = sorted(plain_kept(weights, rule.top_k, rule.top_p))
    total, running = sum(weights[i] for i in stay), 0.0
    for token in stay:
        running += weights[token]
        if running > uniform * total:
            break
    return token, logarithms[token]


@given(
    seed=SEEDS,
    temperature=st.sampled_from([1.0, 0.5, 1.7]),
    top_k=st.one_of(st.none(), st.integers(1, 12)),
    top_p=st.one_of(st.none(), st.floats(0.01, 0.999)),
    greedy=st.booleans(),
    banned=st.sets(st.integers(0, 8), max_size=5),
)
@settings(deadline=None)  # the first call compiles
def test_draws_follow_the_rule(seed, temperature, top_k, top_p, greedy, banned):
    rule = SamplingRule(END, tuple(banned), temperature, top_k, top_p, greedy)
    scores, uniforms = some_scores(seed), np.random.default_rng(seed).random(3)
    drawn = draw_tokens(scores.copy(), uniforms, rule)
    for i, (token, logarithm) in enumerate(zip(*drawn, strict=True)):
        expected, its_logarithm = plain_draw(scores[i], uniforms[i], rule)
        assert token == expected
        assert logarithm == pytest.approx(its_logarithm, abs=1e-5)


@given(
    seed=SEEDS,
    top_k=st.one_of(st.none(), st.integers(1, 40)),
    p=st.floats(0.01, 0.999),
    levels=st.integers(1, 9),
)
@settings(deadline=None)
def test_what_stays_among_many_ties(seed, top_k, p, levels):
    rng = np.random.default_rng(seed)
    # Powers of two, whose sums are exact: no rounding decides where p is reached.
    weights = 2.0 ** rng.integers(0, levels, (4, 30)).astype(np.float32)
    for row, stay in zip(weights, kept(weights, top_k, p), strict=True):
        assert np.flatnonzero(stay).tolist() == sorted(plain_kept(row.tolist(), top_k, p))


@pytest.mark.parametrize(
    ("p", "expected"),
    [
        # The token that crosses p stays: 0.5 alone does not reach 0.6, with 0.25 it does.
        (0.6, [2 / 3, 0, 1 / 3, 0]),
        # 0.5 reaches 0.5 by itself.
        (0.5, [1, 0, 0, 0]),
        (1e-9, [1, 0, 0, 0]),
        (0.8, [4 / 7, 1 / 7, 2 / 7, 0]),
        (1.0, [0.5, 0.125, 0.25, 0.125]),
    ],
)
def test_nucleus_of_a_worked_example(p, expected):
    scores = np.log([[0.5, 0.125, 0.25, 0.125]])
    np.testing.assert_allclose(next_token_probabilities(scores, SamplingRule(END, top_p=p)), [expected])


def test_top_k_comes_before_top_p():
    # Of [0.4, 0.3, 0.2, 0.1] top-3 leaves [4/9, 3/9, 2/9], of which two reach 0.75; of all four, three do.
    scores = np.log([[0.4, 0.3, 0.2, 0.1]])
    both, nucleus = (SamplingRule(END, top_k=k, top_p=0.75) for k in (3, None))
    np.testing.assert_allclose(next_token_probabilities(scores, both), [[4 / 7, 3 / 7, 0, 0]])
    np.testing.assert_allclose(next_token_probabilities(scores, nucleus), [[4 / 9, 3 / 9, 2 / 9, 0]])


def test_temperature_of_a_worked_example():
    # At temperature 1/2 odds are squared: 1 : 4 : 25.
    found = next_token_probabilities(np.log([[1.0, 2.0, 5.0]]), SamplingRule(END, temperature=0.5))
    np.testing.assert_allclose(found, [[1 / 30, 4 / 30, 25 / 30]])


def test_enormous_and_forbidden_scores():
    scores = np.array([[1e30, 0.0, -np.inf], [-1e30, -1e30, -np.inf]], np.float32)
    found = next_token_probabilities(scores, SamplingRule(END))
    np.testing.assert_allclose(found, [[1.0, 0.0, 0.0], [0.5, 0.5, 0.0]])


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"temperature": 0.0}, "temperature"),
        ({"temperature": -1.0}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"temperature": float("inf")}, "temperature"),
        ({"top_k": 0}, "top_k"),
        ({"top_p": 0.0}, "top_p"),
        ({"top_p": 1.01}, "top_p"),
        ({"top_p": float("nan")}, "top_p"),
    ],
)
def test_a_parameter_out_of_range_is_refused_by_name(wrong, named):
    with pytest.raises(InputError, match=named):
        SamplingRule(END, **wrong)


def test_draws_come_as_often_as_their_probabilities_say_and_rows_are_independent():
    probabilities = np.array([0.02, 0.5, 0.0, 0.3, 0.18])
    rng = np.random.default_rng(0)
    scores = np.tile(np.log(probabilities + 1e-38), (20_000, 1)).astype(np.float32)
    tokens = draw_tokens(scores, rng.random(20_000), SamplingRule(END)).tokens
    counts = np.bincount(tokens, minlength=5)
    assert counts[2] == 0
    possible = probabilities > 0
    assert chisquare(counts[possible], 20_000 * probabilities[possible]).pvalue > 1e-3
    pairs = (tokens == 1).reshape(-1, 2)
    expected = 10_000 * np.array([0.25, 0.25, 0.25, 0.25])
    assert chisquare(np.bincount(pairs[:, 0] * 2 + pairs[:, 1], minlength=4), expected).pvalue > 1e-3


def test_random_numbers_at_the_borders_of_the_interval():
    scores = np.zeros((2, 4), np.float32)
    drawn = draw_tokens(scores, np.array([0.0, np.nextafter(1.0, 0.0)]), SamplingRule(END, (0,)))
    assert drawn.tokens.tolist() == [1, 3]
