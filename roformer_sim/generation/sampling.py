"""Which token comes next: temperature, top-k, nucleus and the draw, in NumPy."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from roformer_sim.generation.engines.rule import SamplingRule
from roformer_sim.generation.sampling_kernel import first_beyond, thresholds


class Drawn(NamedTuple):
    """Tokens (rows,) and their log-probabilities (rows,) float64, by the scores as the network gave them."""

    tokens: np.ndarray
    log_probabilities: np.ndarray


def draw_tokens(scores: np.ndarray, uniforms: np.ndarray, rule: SamplingRule) -> Drawn:
    """Choose the next token of each row.

    Banned tokens aside, scores are divided by the temperature; the tokens that top-k and then top-p leave
    are gone through in the order of their ids, and the first whose running sum of probability exceeds
    ``uniform`` times their whole probability is it.

    Args:
        scores: (rows, vocabulary) float32, written into.
        uniforms: (rows,) in [0, 1).
    """
    rows, banned = np.arange(len(scores)), list(rule.banned_ids)
    of_banned = scores[:, banned].astype(np.float64)
    scores[:, banned] = -np.inf
    highest = scores.max(axis=1)
    weights = _weights(scores, highest, 1.0)
    totals = weights.sum(axis=1, dtype=np.float64)
    log_normalizer = highest + np.log(totals)
    for column in of_banned.T:
        log_normalizer = np.logaddexp(log_normalizer, column)
    if rule.greedy:
        tokens = scores.argmax(axis=1)
    else:
        if rule.temperature != 1.0:
            weights = _weights(scores, highest, rule.temperature)
            totals = weights.sum(axis=1, dtype=np.float64)
        limits = _limits(weights, totals, rule.top_k, rule.top_p)
        tokens = np.empty(len(scores), np.int64)
        first_beyond(weights, *limits, np.asarray(uniforms, np.float64), tokens)
    return Drawn(tokens, scores[rows, tokens] - log_normalizer)


def next_token_probabilities(scores: np.ndarray, rule: SamplingRule) -> np.ndarray:
    """The distribution that :func:`draw_tokens` draws from, (rows, vocabulary) float64; not for greedy."""
    scores = np.array(scores, np.float64)
    scores[:, list(rule.banned_ids)] = -np.inf
    weights = _weights(scores, scores.max(axis=1), rule.temperature)
    weights = weights * kept(weights, rule.top_k, rule.top_p)
    return weights / weights.sum(axis=1, keepdims=True)


def kept(weights: np.ndarray, top_k: int | None, top_p: float | None) -> np.ndarray:
    """Which tokens stay, (rows, vocabulary) boolean; of equally likely ones that with the lower id first.

    Args:
        weights: Probabilities, or any multiple of them; compared in float32.
    """
    weights = np.ascontiguousarray(weights, np.float32)
    least, ties, _ = _limits(weights, weights.sum(axis=1, dtype=np.float64), top_k, top_p)
    equal = weights == least[:, None]
    return (weights > least[:, None]) | (equal & (np.cumsum(equal, axis=1) <= ties[:, None]))


def _limits(
    weights: np.ndarray, totals: np.ndarray, top_k: int | None, top_p: float | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each row the least weight that stays, how many of exactly it stay, and the sum of what stays."""
    rows = len(weights)
    limits = np.empty(rows, np.float32), np.empty(rows, np.int64), np.empty(rows)
    nucleus = 2.0 if top_p is None or top_p == 1.0 else top_p
    thresholds(weights, weights.view(np.uint32), totals, top_k or 0, nucleus, *limits)
    return limits


def _weights(scores: np.ndarray, highest: np.ndarray, temperature: float) -> np.ndarray:
    """``exp((z - max z) / temperature)``."""
    shifted = scores - highest[:, None]
    if temperature != 1.0:
        shifted /= temperature
    return np.exp(shifted, out=shifted)
