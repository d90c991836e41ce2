"""Which token comes next: temperature, top-k, nucleus and the draw, in NumPy."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from roformer_sim.generation.engines.rule import SamplingRule

SORTED_FIRST = (64, 1024)
"""How many of a row's most likely tokens are sorted at first, in the hope that they reach ``top_p``."""


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
    rows = np.arange(len(scores))
    highest = scores.max(axis=1)
    log_normalizer = highest + np.log(_weights(scores, highest, 1.0).sum(axis=1, dtype=np.float64))
    network_scores = scores
    if rule.banned_ids:
        network_scores = scores.copy() if rule.temperature != 1.0 else scores
        scores[:, list(rule.banned_ids)] = -np.inf
    if rule.greedy:
        tokens = scores.argmax(axis=1)
    else:
        weights = _weights(scores, scores.max(axis=1), rule.temperature)
        tokens = _first_beyond(weights, kept(weights, rule.top_k, rule.top_p), uniforms)
    return Drawn(tokens, network_scores[rows, tokens] - log_normalizer)


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
        weights: Probabilities, or any multiple of them.
    """
    size = weights.shape[1]
    if top_k is not None and top_k < size:
        highest = _most_likely(weights, top_k)
        counts = _reaching(highest, highest.sum(axis=1, dtype=np.float64), top_p)
        return _at_least(weights, highest, counts)
    result = np.ones(weights.shape, bool)
    if top_p is None or top_p == 1.0:
        return result
    total = weights.sum(axis=1, dtype=np.float64)
    left = np.arange(len(weights))
    for sorted_first in (*SORTED_FIRST, size):
        sorted_first = min(sorted_first, size)
        highest = _most_likely(weights[left], sorted_first)
        reached = highest.sum(axis=1, dtype=np.float64) >= top_p * total[left]
        done = reached if sorted_first < size else np.ones_like(reached)
        counts = _reaching(highest[done], total[left[done]], top_p)
        result[left[done]] = _at_least(weights[left[done]], highest[done], counts)
        left = left[~done]
        if not len(left):
            break
    return result


def _weights(scores: np.ndarray, highest: np.ndarray, temperature: float) -> np.ndarray:
    """``exp((z - max z) / temperature)``."""
    shifted = scores - highest[:, None]
    if temperature != 1.0:
        shifted /= temperature
    return np.exp(shifted, out=shifted)


def _most_likely(weights: np.ndarray, count: int) -> np.ndarray:
    """The ``count`` largest of each row, largest first."""
    size = weights.shape[1]
    part = weights if count == size else np.partition(weights, size - count, axis=1)[:, size - count :]
    return np.sort(part, axis=1)[:, ::-1]


def _reaching(highest: np.ndarray, total: np.ndarray, top_p: float | None) -> np.ndarray:
    """How many of the sorted weights it takes to reach ``top_p`` of the total; all where none do."""
    if top_p is None:
        return np.full(len(highest), highest.shape[1])
    before = np.cumsum(highest, axis=1, dtype=np.float64) - highest
    # The most likely token always stays, whatever rounding made of the sums.
    return np.maximum((before < top_p * total[:, None]).sum(axis=1), 1)


def _at_least(weights: np.ndarray, highest: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The ``counts`` largest weights of each row, given its sorted ones."""
    threshold = highest[np.arange(len(highest)), counts - 1]
    result = weights >= threshold[:, None]
    surplus = result.sum(axis=1) - counts
    for row in np.flatnonzero(surplus):
        # Equally likely tokens around the border: the last ids go.
        ties = np.flatnonzero(weights[row] == threshold[row])
        result[row, ties[len(ties) - surplus[row] :]] = False
    return result


def _first_beyond(weights: np.ndarray, keep: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
    rows, tokens = np.nonzero(keep)
    running = np.cumsum(weights[rows, tokens], dtype=np.float64)
    ends = np.cumsum(np.bincount(rows, minlength=len(weights)))
    before = np.concatenate([[0.0], running[ends[:-1] - 1]])
    wanted = before + uniforms * (running[ends - 1] - before)
    starts = np.concatenate([[0], ends[:-1]])
    # Rounding of the sums over all rows must not lead into a neighbour's tokens.
    return tokens[np.clip(np.searchsorted(running, wanted, side="right"), starts, ends - 1)]
