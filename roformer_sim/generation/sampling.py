"""Which token comes next: temperature, top-k, nucleus and the draw, in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from roformer_sim.generation.engines.rule import SamplingRule
from roformer_sim.generation.sampling_kernel import draw_rows, truncated


class Drawn(NamedTuple):
    """Tokens (rows,) and their log-probabilities (rows,) float64, by the scores as the network gave them."""

    tokens: np.ndarray
    log_probabilities: np.ndarray


def _alone(function: Callable[..., None], rows: int, *arguments: Any) -> None:
    function(0, rows, *arguments)


def draw_tokens(
    scores: np.ndarray,
    uniforms: np.ndarray,
    rule: SamplingRule,
    spread: Callable[..., None] = _alone,
) -> Drawn:
    """Choose the next token of each row.

    Banned tokens aside, scores are divided by the temperature; the tokens that top-k and then top-p leave
    are gone through in the order of their ids, and the first whose running sum of probability exceeds
    ``uniform`` times their whole probability is it.

    Args:
        scores: (rows, vocabulary) float32, written into.
        uniforms: (rows,) in [0, 1).
        spread: Shares out rows among threads, see :meth:`Engine.spread`.
    """
    if scores.strides[1] != scores.itemsize:
        raise ValueError("a row's scores must stand side by side")
    tokens, log_probabilities = np.empty(len(scores), np.int64), np.empty(len(scores))
    spread(
        draw_rows,
        len(scores),
        scores,
        np.asarray(uniforms, np.float64),
        np.array(rule.banned_ids, np.int64),
        float(rule.temperature),
        rule.top_k or 0,
        2.0 if rule.top_p is None else float(rule.top_p),
        rule.greedy,
        tokens,
        log_probabilities,
    )
    return Drawn(tokens, log_probabilities)


def next_token_probabilities(scores: np.ndarray, rule: SamplingRule) -> np.ndarray:
    """The distribution that :func:`draw_tokens` draws from, (rows, vocabulary) float64; not for greedy."""
    scores = np.array(scores, np.float64)
    scores[:, list(rule.banned_ids)] = -np.inf
    weights = np.exp((scores - scores.max(axis=1, keepdims=True)) / rule.temperature)
    weights = weights * kept(weights, rule.top_k, rule.top_p)
    return weights / weights.sum(axis=1, keepdims=True)


def kept(weights: np.ndarray, top_k: int | None, top_p: float | None) -> np.ndarray:
    """Which tokens stay, (rows, vocabulary) boolean; of equally likely ones that with the lower id first.

    Args:
        weights: Probabilities, or any multiple of them; compared in float32.
    """
    weights = np.ascontiguousarray(weights, np.float32)
    nucleus = 2.0 if top_p is None else float(top_p)
    result = np.empty(weights.shape, bool)
    for row, line in zip(result, weights, strict=True):
        total = line.sum(dtype=np.float64)
        least, ties, _ = truncated(line.ctypes.data, len(line), total, top_k or 0, nucleus, line.copy())
        equal = line == least
        row[:] = (line > least) | (equal & (np.cumsum(equal) <= ties))
    return result
