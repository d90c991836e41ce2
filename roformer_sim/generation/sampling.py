"""Which token comes next: temperature, top-k, nucleus, and the draw itself."""

from __future__ import annotations

import numpy as np

from corpus_builder.errors import InputError


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Probabilities (rows, vocabulary), float64, of float logits divided by ``temperature`` > 0."""
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    scaled -= scaled.max(axis=-1, keepdims=True)
    weights = np.exp(scaled)
    return weights / weights.sum(axis=-1, keepdims=True)


def truncate_top_k(probabilities: np.ndarray, k: int) -> np.ndarray:
    """Keep the ``k`` most likely tokens of each row, renormalised (Fan et al., arXiv:1805.04833)."""
    if k >= probabilities.shape[-1]:
        return probabilities
    kept = np.argpartition(probabilities, -k, axis=-1)[:, -k:]
    result = np.zeros_like(probabilities)
    np.put_along_axis(result, kept, np.take_along_axis(probabilities, kept, axis=-1), axis=-1)
    return result / result.sum(axis=-1, keepdims=True)


def truncate_nucleus(probabilities: np.ndarray, p: float) -> np.ndarray:
    """Keep the smallest set of most likely tokens whose probability reaches ``p``, renormalised.

    The token that crosses ``p`` belongs to the set, so that one token always stays (Holtzman et al.,
    arXiv:1904.09751).
    """
    order = np.argsort(-probabilities, axis=-1, kind="stable")
    ordered = np.take_along_axis(probabilities, order, axis=-1)
    before = np.cumsum(ordered, axis=-1) - ordered
    # Rounding of the running sum must not drop the most likely token.
    dropped = before >= p
    dropped[:, 0] = False
    ordered[dropped] = 0.0
    result = np.zeros_like(probabilities)
    np.put_along_axis(result, order, ordered, axis=-1)
    return result / result.sum(axis=-1, keepdims=True)


def next_token_probabilities(
    logits: np.ndarray,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> np.ndarray:
    """Distribution the next token is drawn from, (rows, vocabulary); top-k is applied before top-p.

    Raises:
        InputError: ``temperature`` not positive or not finite, ``top_k`` below 1, ``top_p`` outside (0, 1].
    """
    if not 0 < temperature < np.inf:
        raise InputError(f"temperature must be a number above 0, not {temperature}")
    if top_k is not None and top_k < 1:
        raise InputError(f"top_k must be at least 1, not {top_k}")
    if top_p is not None and not 0 < top_p <= 1:
        raise InputError(f"top_p must lie in (0, 1], not {top_p}")
    probabilities = softmax(logits, temperature)
    if top_k is not None:
        probabilities = truncate_top_k(probabilities, top_k)
    if top_p is not None:
        probabilities = truncate_nucleus(probabilities, top_p)
    return probabilities


def draw(probabilities: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One token a row, (rows,) integers, by the inverse of the cumulative distribution."""
    cumulative = np.cumsum(probabilities, axis=-1)
    threshold = rng.random((len(probabilities), 1)) * cumulative[:, -1:]
    return np.argmax(cumulative > threshold, axis=-1)
