"""What the native engine gives at each step is what the network gives for the whole row at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from keras import ops

from roformer_sim import InputError
from roformer_sim.checkpoints import assign_weights, read_weights, weight_names
from roformer_sim.generation.engines.native_engine import NativeEngine
from roformer_sim.models import Backbone, ModelConfig
from roformer_sim.native.processor import HAS_INT8

needs_int8 = pytest.mark.skipif(not HAS_INT8, reason="this processor has no VNNI")
PRECISIONS = ["float32", pytest.param("int8", marks=needs_int8)]

SHAPE = {
    "vocab_size": 60,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
}
SOURCES = [[2, 9, 14, 33, 3], [2, 41, 7, 7, 25, 50, 12, 58, 3], [2, 3]]


def network(**changes) -> Backbone:
    backbone = Backbone(ModelConfig(**{**SHAPE, **changes}))
    rng = np.random.default_rng(7)
    weights = {
        name: (name.endswith("gamma") + 0.2 * rng.standard_normal(shape)).astype(np.float32)
        for name, shape in weight_names(backbone).items()
    }
    assign_weights(backbone, weights, "test")
    return backbone


def engine_of(backbone: Backbone, *settings) -> NativeEngine:
    return NativeEngine.of(backbone.config, read_weights(backbone), *settings)


def full_pass(backbone: Backbone, sources, targets) -> np.ndarray:
    """Scores of the token after each ``[CLS] source [SEP] target``, all in one padded batch."""
    rows = [[*source, *target] for source, target in zip(sources, targets, strict=True)]
    token_ids = np.zeros((len(rows), 24), np.int32)
    segment_ids = np.zeros_like(token_ids)
    for row, (tokens, source) in enumerate(zip(rows, sources, strict=True)):
        token_ids[row, : len(tokens)] = tokens
        segment_ids[row, len(source) : len(tokens)] = 1
    states = backbone(token_ids, segment_ids, pattern="unilm")
    logits = ops.convert_to_numpy(backbone.lm_logits(states.last))
    return np.stack([logits[row, len(tokens) - 1] for row, tokens in enumerate(rows)])


def decode(engine, counts, selections, steps=11, seed=0):
    """Random targets: after each step the rows' sources, their targets so far and the scores given."""
    rng = np.random.default_rng(seed)
    decoding, scores = engine.begin(SOURCES, counts)
    yield SOURCES, [[]] * len(SOURCES), scores
    sources = [source for source, count in zip(SOURCES, counts, strict=True) for _ in range(count)]
    targets: list[list[int]] = [[] for _ in sources]
    for step in range(steps):
        if step in selections:
            rows = np.array(selections[step])
            decoding.select(rows)
            sources, targets = [sources[row] for row in rows], [targets[row] for row in rows]
        tokens = rng.integers(1, 60, len(sources))
        targets = [[*target, token] for target, token in zip(targets, tokens.tolist(), strict=True)]
        yield sources, targets, decoding.step(tokens)


# Rows 0 and 1 read the first source, 2 the second, 3 to 5 the third.
SELECTIONS = {
    2: [1, 0, 0, 0, 2, 2, 4],  # swapped, repeated, dropped; more rows than before
    5: [0, 3, 4, 6],
    9: [0, 0, 1, 2, 3],  # after own keys and values were moved
}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"model_type": "bert"},
        {"embedding_size": 16, "hidden_act": "relu"},
        {"model_type": "bert", "hidden_act": "gelu_new", "num_hidden_layers": 1},
    ],
    ids=str,
)
def test_each_step_equals_the_full_unilm_pass(changes):
    backbone = network(**changes)
    for sources, targets, scores in decode(engine_of(backbone), [2, 1, 3], SELECTIONS):
        np.testing.assert_allclose(scores, full_pass(backbone, sources, targets), atol=1e-4)


@needs_int8
def test_int8_stays_near():
    backbone = network()
    for sources, targets, scores in decode(engine_of(backbone, "int8"), [2, 1, 3], SELECTIONS):
        expected = full_pass(backbone, sources, targets)
        assert np.abs(scores - expected).mean() < 0.04 * np.abs(expected).max()


@needs_int8
def test_int8_knows_rows_of_zeros():
    """A row without any positive value before ReLU has no largest value to divide by."""
    backbone = network(hidden_act="relu")
    backbone.blocks[0].intermediate.bias.assign(np.full(48, -100.0, np.float32))
    for sources, targets, scores in decode(engine_of(backbone, "int8"), [1, 1, 1], {}, steps=1):
        expected = full_pass(backbone, sources, targets)
        assert np.abs(scores - expected).mean() < 0.04 * np.abs(expected).max()


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_source_is_read_as_if_alone(precision):
    engine = engine_of(network(), precision)
    _, together = engine.begin(SOURCES, [1, 1, 1])
    for source, scores in zip(SOURCES, together, strict=True):
        _, alone = engine.begin([source], [1])
        np.testing.assert_array_equal(scores, alone[0])


def test_scores_are_the_callers_to_write_into():
    engine = engine_of(network())
    decoding, first = engine.begin(SOURCES[:1], [2])
    first[:] = -np.inf
    before = decoding.step(np.array([5, 6]))
    kept = before.copy()
    decoding.step(np.array([7, 8]))
    np.testing.assert_array_equal(before, kept)


def test_decodings_in_threads_do_not_meet():
    engine = engine_of(network())

    def run(seed):
        return [scores for _, _, scores in decode(engine, [2, 1, 3], SELECTIONS, seed=seed)]

    one_after_another = [run(seed) for seed in range(8)]
    with ThreadPoolExecutor(8) as pool:
        at_once = list(pool.map(run, range(8)))
    for expected, found in zip(one_after_another, at_once, strict=True):
        for a, b in zip(expected, found, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("threads", [1, 3])
def test_other_sources_are_taken_in_on_the_way(threads):
    """Rows of all ages and sources side by side; slots and memory of those that ended are used again."""
    backbone = network()
    engine = engine_of(backbone, "float32", threads)
    decoding, _ = engine.begin(SOURCES[:1], [3])
    sources, targets = [SOURCES[0]] * 3, [[], [], []]
    rng = np.random.default_rng(1)
    for step in range(40):
        if step % 5 == 4:
            kept = rng.choice(len(sources), 2, replace=False)
            decoding.select(kept)
            sources, targets = [sources[row] for row in kept], [targets[row] for row in kept]
            new = [SOURCES[step % 3], SOURCES[(step + 1) % 3]]
            first = decoding.extend(new, [2, 1])
            np.testing.assert_allclose(first, full_pass(backbone, new, [[], []]), atol=1e-4)
            sources, targets = [*sources, new[0], *new], [*targets, [], [], []]
        tokens = rng.integers(1, 60, len(sources))
        targets = [[*target, token] for target, token in zip(targets, tokens.tolist(), strict=True)]
        scores = decoding.step(tokens)
        fits = [row for row, target in enumerate(targets) if len(target) < 14]  # the reference's width
        expected = full_pass(backbone, [sources[row] for row in fits], [targets[row] for row in fits])
        np.testing.assert_allclose(scores[fits], expected, atol=1e-4)


def test_all_rows_may_end():
    decoding, _ = engine_of(network()).begin(SOURCES, [1, 1, 1])
    decoding.step(np.array([5, 6, 7]))
    decoding.select(np.array([], int))
    assert decoding.step(np.array([], int)).shape == (0, 60)


def test_bad_input_is_named():
    engine = engine_of(network(model_type="bert", max_position_embeddings=6))
    with pytest.raises(InputError, match="precision is one of float32, int8, not 'int4'"):
        engine_of(network(), "int4")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="source 1: 0 tokens"):
        engine.begin([[2, 3], []], [1, 1])
    with pytest.raises(InputError, match="each needs its number of rows"):
        engine.begin([[2, 3]], [1, 1])
    with pytest.raises(InputError, match="token ids from 2 to 60; the vocabulary has 60"):
        engine.begin([[2, 60]], [1])
    with pytest.raises(InputError, match=r"9 tokens.*6 positions"):
        engine.begin([SOURCES[1]], [1])
    decoding, _ = engine.begin([SOURCES[0]], [1])
    decoding.step(np.array([5]))
    with pytest.raises(InputError, match=r"7 tokens.*6 positions"):
        decoding.step(np.array([5]))
