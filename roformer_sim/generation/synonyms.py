"""Which of the generated sentences are given back, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.generation.generate import Generated, bare
from roformer_sim.text.bare_form import bare_form

EncodeFunction = Callable[[list[str]], np.ndarray]
"""Sentences to unit vectors (n, d)."""


class Synonym(NamedTuple):
    """A generated sentence, its cosine with the input (-1 to 1), and the logarithm of its probability."""

    text: str
    score: float
    log_probability: float = float("nan")


class Selection(NamedTuple):
    """Which sentences are given back.

    Attributes:
        k: Most of them; ``None`` for all.
        min_similarity: Those below this cosine with the input are dropped.
        diversity: ``None`` ranks by the cosine with the input, as upstream. A number from 0 to 1 also drops
            sentences that differ from the input or a better one in punctuation, case, width and particles
            alone (:func:`bare_form`), and is the weight of being unlike those already chosen:
            maximal marginal relevance (Carbonell and Goldstein 1998),
            ``(1 - diversity) cos(input, c) - diversity max cos(chosen, c)``.
    """

    k: int | None = 20
    min_similarity: float = -1.0
    diversity: float | None = None

    def check(self) -> None:
        """Refuse values out of range.

        Raises:
            InputError: Named.
        """
        if self.k is not None and self.k < 1:
            raise InputError(f"k must be at least 1, not {self.k}")
        if not -1 <= self.min_similarity <= 1:
            raise InputError(f"min_similarity is a cosine, -1 to 1, not {self.min_similarity}")
        if self.diversity is not None and not 0 <= self.diversity <= 1:
            raise InputError(f"diversity must lie in [0, 1], not {self.diversity}")


def rank_synonyms(
    texts: Sequence[str],
    candidates: Sequence[Sequence[Generated]],
    encode: EncodeFunction,
    selection: Selection,
) -> list[list[Synonym]]:
    """For each text its synonyms, best first; everything is encoded in one call.

    Duplicates and the text itself are dropped. Decoding sets spaces by rules of its own and the
    vocabulary is lower-case, so a candidate that differs from the text in spaces and letter case alone
    counts as the text: ``iphone 5好吗`` for ``iPhone5好吗``.
    """
    distinct = [_distinct(text, found) for text, found in zip(texts, candidates, strict=True)]
    ends = np.cumsum([1 + len(found) for found in distinct])
    if not any(distinct):
        return [[] for _ in texts]
    vectors = encode([one for text, found in zip(texts, distinct, strict=True) for one in (text, *found)])
    results = []
    for text, found, end in zip(texts, distinct, ends, strict=True):
        of_text = vectors[end - len(found) - 1 : end]
        results.append(_choose(text, found, of_text[0], of_text[1:], selection))
    return results


def _distinct(text: str, candidates: Sequence[Generated]) -> dict[str, float]:
    """Each sentence once, with its log-probability, in the order drawn."""
    own = bare(text)
    found: dict[str, float] = {}
    for candidate in candidates:
        if candidate.text and bare(candidate.text) != own:
            found.setdefault(candidate.text, candidate.log_probability)
    return found


def _choose(
    text: str, found: dict[str, float], source: np.ndarray, vectors: np.ndarray, selection: Selection
) -> list[Synonym]:
    scores = vectors @ source
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] >= selection.min_similarity]
    sentences = list(found)
    if selection.diversity is not None:
        order = _without_like_ones(text, sentences, order)
        order = _by_marginal_relevance(order, scores, vectors, selection.diversity, selection.k)
    return [Synonym(sentences[i], float(scores[i]), found[sentences[i]]) for i in order[: selection.k]]


def _without_like_ones(text: str, sentences: Sequence[str], order: np.ndarray) -> np.ndarray:
    seen, kept = {bare_form(text)}, []
    for i in order:
        form = bare_form(sentences[i])
        if form and form not in seen:
            seen.add(form)
            kept.append(i)
    return np.array(kept, int)


def _by_marginal_relevance(
    order: np.ndarray, scores: np.ndarray, vectors: np.ndarray, diversity: float, k: int | None
) -> np.ndarray:
    chosen: list[int] = []
    left = order.tolist()
    nearest = np.full(len(scores), -1.0)
    while left and (k is None or len(chosen) < k):
        gains = (1 - diversity) * scores[left]
        if chosen:
            gains = gains - diversity * nearest[left]
        best = left.pop(int(np.argmax(gains)))
        chosen.append(best)
        nearest = np.maximum(nearest, vectors @ vectors[best])
    return np.array(chosen, int)
