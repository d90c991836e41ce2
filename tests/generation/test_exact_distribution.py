"""Drawn through a real engine, tokens come as often as the uncached network's probabilities say.

Expected probabilities are of full passes over source and target, cut by a transcription of upstream's rule.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from plain_engine import PlainEngine
from scipy.stats import chisquare

from roformer_sim.generation.decoding import Source, sample_targets
from roformer_sim.generation.engines import SamplingRule
from roformer_sim.generation.engines.choose import make_engine
from roformer_sim.network import Network

DRAWS, SEED = 20_000, 20240601
BANNED = (0, 1, 2, 4)
RULES = {
    "nucleus 0.95": {"top_p": 0.95},
    "nucleus 0.9 at temperature 0.7": {"top_p": 0.9, "temperature": 0.7},
    "top-k 5": {"top_k": 5},
    "top-k 20, nucleus 0.8 at temperature 1.3": {"top_k": 20, "top_p": 0.8, "temperature": 1.3},
}


@pytest.fixture(scope="module")
def engines(backbone):
    """Each is made once: what it has compiled serves all rules."""
    return cache(lambda name: make_engine(name, Network.of(backbone)))


@pytest.fixture(params=["keras", "native-float32"])
def engine(request, engines):
    return engines(request.param)


@pytest.fixture(scope="module")
def plain(backbone):
    return PlainEngine(backbone)


@pytest.fixture(scope="module")
def source_ids(tiny_tokenizer):
    return tiny_tokenizer.encode("怎么借钱").token_ids.tolist()


def probabilities(scores, *, top_k=None, top_p=None, temperature=1.0):
    """(rows, vocabulary): upstream's rule in the order of its steps, in float64.

    Softmax of the scores over the temperature; only the k most likely tokens, made to sum to 1; of these,
    the most likely first, all before whose running sum p is not yet reached, made to sum to 1.
    """
    scores = np.array(scores, np.float64)
    scores[:, BANNED] = -np.inf
    result = np.exp((scores - scores.max(axis=1, keepdims=True)) / temperature)
    result /= result.sum(axis=1, keepdims=True)
    for row in result:
        order = np.argsort(-row, kind="stable")
        if top_k is not None:
            row[order[top_k:]] = 0.0
            row /= row.sum()
        if top_p is not None:
            before = np.cumsum(row[order]) - row[order]
            row[order[before >= top_p]] = 0.0
            row /= row.sum()
    return result


def p_value(observed, expected):
    """Of Pearson's chi-square test; cells that expect fewer than ten are one cell."""
    observed, expected = np.ravel(observed), np.ravel(expected) * observed.sum()
    if observed[expected == 0].any():
        return 0.0
    rare = expected < 10
    cells = [np.append(counts[~rare], counts[rare].sum()) for counts in (observed, expected)]
    keep = cells[1] > 0
    return chisquare(cells[0][keep], cells[1][keep]).pvalue


def joint(first, second, end):
    """Probability of each first and second token; a row that ends at once counts as (end, end)."""
    second = second.copy()
    second[end] = np.eye(len(second))[end]
    return first[:, None] * second


@pytest.mark.parametrize("name", RULES)
def test_twenty_thousand_first_and_second_tokens(engine, plain, source_ids, tiny_tokenizer, name):
    settings, end, size = RULES[name], tiny_tokenizer.sep_id, tiny_tokenizer.vocab_size
    rule = SamplingRule(end, BANNED, **settings)
    [drawn] = sample_targets(engine, [Source(source_ids, DRAWS, SEED)], rule, maxlen=2, rows_at_once=2_000)
    counts = np.zeros((size, size), int)
    for target in drawn:
        first, second, *_ = [*target.token_ids, end, end]
        counts[first, second] += 1

    of_first, of_second = plain.scores([source_ids], [[]]), plain.scores(*followers(source_ids, size))
    first, second = probabilities(of_first, **settings)[0], probabilities(of_second, **settings)
    assert counts.sum() == DRAWS
    assert p_value(counts.sum(axis=1), first) > 1e-4
    assert p_value(counts, joint(first, second, end)) > 1e-4

    # The test has the power to tell: another temperature, in the first token or in the second alone, or the
    # second tokens that follow another first one.
    warmer = {**settings, "temperature": 1.5 * settings.get("temperature", 1.0)}
    assert p_value(counts.sum(axis=1), probabilities(of_first, **warmer)[0]) < 1e-6
    assert p_value(counts, joint(first, probabilities(of_second, **warmer), end)) < 1e-6
    assert p_value(counts, joint(first, np.roll(second, 1, axis=0), end)) < 1e-6


def followers(source_ids, size):
    """Rows that have drawn each token of the vocabulary first."""
    return [source_ids] * size, [[token] for token in range(size)]


@pytest.mark.parametrize("name", RULES)
def test_fed_the_same_random_numbers_the_rule_word_by_word_gives_the_same_tokens(
    engine, plain, source_ids, tiny_tokenizer, name
):
    """Upstream's kept probabilities, gone through in the order of ids (ours; NumPy's draw has its own)."""
    n, maxlen, end = 60, 6, tiny_tokenizer.sep_id
    rule = SamplingRule(end, BANNED, **RULES[name])
    [drawn] = sample_targets(engine, [Source(source_ids, n, SEED)], rule, maxlen=maxlen)
    uniforms = np.random.default_rng(SEED).random((n, maxlen), np.float32)
    rows: list[list[int]] = [[] for _ in range(n)]
    going = list(range(n))
    for step in range(maxlen):
        if not going:
            break
        scores = plain.scores([source_ids] * len(going), [rows[i] for i in going])
        sums = np.cumsum(probabilities(scores, **RULES[name]), axis=1)
        for i, running in zip(list(going), sums, strict=True):
            token = int(np.argmax(running > uniforms[i, step] * running[-1]))
            if token == end:
                going.remove(i)
            else:
                rows[i].append(token)
    assert [target.token_ids for target in drawn] == rows
    assert len(going) < n, "some rows end by themselves"
