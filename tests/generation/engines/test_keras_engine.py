"""KerasEngine gives what an uncached pass over source and target gives, and draws by the stated rule."""

from __future__ import annotations

import numpy as np
import pytest
from engine_reference import END, VOCABULARY, Reference, make_backbone

from roformer_sim import InputError
from roformer_sim.generation.engines.keras_engine import KerasEngine
from roformer_sim.generation.engines.rule import SamplingRule

STEPS = 12


def assert_close(given, wanted, tolerance=1e-4):
    assert np.abs(given - wanted).max() < tolerance * np.abs(wanted).max()


def follow(decoding, reference, rows, steps, rng):
    """Feed random tokens and compare each step; ``rows`` are (source, target so far)."""
    for _ in range(steps):
        tokens = rng.integers(4, VOCABULARY, len(rows))
        given = decoding.step(tokens)
        rows = [(source, [*target, int(token)]) for (source, target), token in zip(rows, tokens, strict=True)]
        assert_close(given, reference.scores(*zip(*rows, strict=True)))
    return rows


def test_first_scores_are_those_of_each_source_alone(network, sources):
    engine, reference = network
    _, scores = engine.begin(sources, [1, 2, 1, 1])
    assert_close(scores, reference.scores(sources, [[]] * 4))


def test_every_step_equals_the_uncached_pass(network, sources):
    engine, reference = network
    counts = [3, 1, 5, 2]
    decoding, _ = engine.begin(sources, counts)
    rows = [(source, []) for source, count in zip(sources, counts, strict=True) for _ in range(count)]
    follow(decoding, reference, rows, 18, np.random.default_rng(1))


def test_rows_may_be_left_out_and_named_twice(network, sources):
    engine, reference = network
    decoding, _ = engine.begin(sources, [2, 1, 3, 2])
    rng = np.random.default_rng(2)
    rows = follow(decoding, reference, [(sources[i], []) for i in (0, 0, 1, 2, 2, 2, 3, 3)], 2, rng)
    for kept in ([1, 0, 0, 3, 5, 5, 7], [4, 3, 5, 6], [0, 0]):
        decoding.select(np.array(kept))
        rows = follow(decoding, reference, [rows[i] for i in kept], 2, rng)


def test_half_precision_stays_near(sources):
    full, half = (KerasEngine(make_backbone("roformer", dtype)) for dtype in ("float32", "mixed_bfloat16"))
    tokens = np.arange(20, 28)
    given, wanted = (engine.begin(sources, [2] * 4)[0].step(tokens) for engine in (half, full))
    assert given.dtype == np.float32
    assert np.abs(given - wanted).max() < 0.1 * np.abs(wanted).max()
    drawn, _ = half.begin(sources, [2] * 4)[0].run(tokens, np.full((8, 4), 0.5), SamplingRule(end_id=END))
    assert drawn.shape == (8, 4)


def draw_by_the_rule(logits, uniform, rule):
    """One row's token, word by word after :class:`SamplingRule`, in float64."""
    scores = logits.copy()
    scores[list(rule.banned_ids)] = -np.inf
    if rule.greedy:
        return int(np.argmax(scores))
    probabilities = np.exp((scores - scores.max()) / rule.temperature)
    probabilities /= probabilities.sum()
    order = sorted(range(len(scores)), key=lambda token: (-scores[token], token))[: rule.top_k]
    total, reached, kept = probabilities[order].sum(), 0.0, []
    for token in order:
        kept.append(token)
        reached += probabilities[token] / total
        if rule.top_p is not None and reached >= rule.top_p:
            break
    running, target = 0.0, uniform * probabilities[kept].sum()
    for token in sorted(kept):
        running += probabilities[token]
        if running > target:
            return token
    raise AssertionError("no token")


def decode_by_the_rule(reference: Reference, sources, tokens, uniforms, rule):
    """Tokens and log-probabilities of whole rows, each token by a full pass."""
    rows = [[int(token)] for token in tokens]
    drawn = np.full(uniforms.shape, rule.end_id)
    log_probabilities = np.zeros(uniforms.shape)
    for step in range(uniforms.shape[1]):
        logits = reference.scores(sources, rows)
        for i, row in enumerate(rows):
            if row[-1] != rule.end_id:
                token = draw_by_the_rule(logits[i], uniforms[i, step], rule)
                drawn[i, step] = token
                normaliser = logits[i].max() + np.log(np.exp(logits[i] - logits[i].max()).sum())
                log_probabilities[i, step] = logits[i, token] - normaliser
                row.append(token)
    return drawn, log_probabilities


# The padding id is banned throughout: uncached passes take it for padding.
RULES = {
    "plain": SamplingRule(end_id=END, banned_ids=(0,)),
    "greedy": SamplingRule(greedy=True, end_id=END, banned_ids=(0, 7)),
    "top_k": SamplingRule(top_k=5, end_id=END, banned_ids=(0,)),
    "top_p": SamplingRule(top_p=0.9, end_id=END, banned_ids=(0,)),
    "top_p, flat": SamplingRule(top_p=0.95, temperature=20.0, end_id=END, banned_ids=(0, END)),
    "top_k, top_p": SamplingRule(top_k=20, top_p=0.7, temperature=1.5, end_id=END, banned_ids=(0, 5)),
}


@pytest.mark.parametrize("name", RULES)
def test_the_loop_draws_by_the_rule(network, sources, name):
    engine, reference = network
    rng = np.random.default_rng(3)
    counts, tokens, uniforms = [3, 1, 4, 2], rng.integers(4, VOCABULARY, 10), rng.random((10, STEPS))
    tokens[4] = END
    given = engine.begin(sources, counts)[0].run(tokens, uniforms, RULES[name])
    rows = [source for source, count in zip(sources, counts, strict=True) for _ in range(count)]
    wanted = decode_by_the_rule(reference, rows, tokens, uniforms, RULES[name])
    np.testing.assert_array_equal(given[0], wanted[0])
    np.testing.assert_allclose(given[1], wanted[1], atol=1e-4)


def test_a_row_is_the_same_alone_in_company_and_in_waves(network, sources):
    engine, _ = network
    rng, rule = np.random.default_rng(4), RULES["top_p"]
    tokens, uniforms = rng.integers(4, VOCABULARY, 20), rng.random((20, STEPS))
    drawn, scores = engine.begin(sources[:2], [12, 8])[0].run(tokens, uniforms, rule)
    alone = engine.begin([sources[1]], [1])[0].run(tokens[[13]], uniforms[[13]], rule)
    np.testing.assert_array_equal(alone[0][0], drawn[13])
    np.testing.assert_allclose(alone[1][0], scores[13], atol=1e-4)
    memory, engine.memory = engine.memory, 0
    waves, _ = engine.begin(sources[:2], [12, 8])[0].run(tokens, uniforms, rule)
    engine.memory = memory
    np.testing.assert_array_equal(waves, drawn)


def test_the_loop_ends_with_the_last_row(network, sources):
    engine, _ = network
    decoding, _ = engine.begin(sources, [1] * 4)
    # Only the end may be drawn, at the first step.
    rule = SamplingRule(end_id=END, banned_ids=tuple(set(range(VOCABULARY)) - {END}))
    drawn, scores = decoding.run(np.full(4, 9), np.full((4, STEPS), 0.5), rule)
    assert decoding.time == 1
    assert (drawn == END).all()
    assert (scores[:, 0] < 0).all()
    assert not scores[:, 1:].any()


def test_bert_refuses_rows_longer_than_its_positions(sources):
    decoding, _ = KerasEngine(make_backbone("bert")).begin(sources, [1] * 4)
    with pytest.raises(InputError, match=r"51 tokens.*40 positions"):
        decoding.run(np.full(4, 9), np.zeros((4, 40)), SamplingRule(end_id=END))
