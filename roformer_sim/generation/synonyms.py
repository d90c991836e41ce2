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

NatsFunction = Callable[[Sequence[str], Sequence[str]], Sequence[float]]
"""Sources and targets to the mean negative log-probability of a target's token given its source."""


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
            ``(1 - diversity) relevance(c) - diversity max cos(chosen, c)``.
        likelihood_weight, reverse_weight: A candidate ``c`` of the text ``s`` is ranked by its relevance
            ``cos(s, c) + likelihood_weight log p(c | s) / |c| + reverse_weight log p(s | c) / |s|``, natural
            logarithms over numbers of tokens, by the model that drew the candidates: reranking in both
            directions (Li et al. 2016, arXiv:1510.03055, MMI-bidi). Where the text is unlikely to follow
            from a sentence, the sentence lost or exchanged something of it. 0 each ranks by the cosine
            alone, as upstream.
    """

    k: int | None = 20
    min_similarity: float = -1.0
    diversity: float | None = None
    likelihood_weight: float = 0.0
    reverse_weight: float = 0.0

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
        for name in ("likelihood_weight", "reverse_weight"):
            if not 0 <= getattr(self, name) < np.inf:
                raise InputError(f"{name} must be 0 or more, not {getattr(self, name)}")


def rank_synonyms(
    texts: Sequence[str],
    candidates: Sequence[Sequence[Generated]],
    encode: EncodeFunction,
    selection: Selection,
    nats_per_token: NatsFunction | None = None,
) -> list[list[Synonym]]:
    """For each text its synonyms, best first; everything is encoded in one call.

    Duplicates and the text itself are dropped. Decoding sets spaces by rules of its own and the
    vocabulary is lower-case, so a candidate that differs from the text in spaces and letter case alone
    counts as the text: ``iphone 5好吗`` for ``iPhone5好吗``.

    Args:
        nats_per_token: Of the model that drew the candidates; called once for each weight that is not 0.

    Raises:
        InputError: A weight without ``nats_per_token``.
    """
    distinct = [_distinct(text, found) for text, found in zip(texts, candidates, strict=True)]
    ends = np.cumsum([1 + len(found) for found in distinct])
    if not any(distinct):
        return [[] for _ in texts]
    vectors = encode([one for text, found in zip(texts, distinct, strict=True) for one in (text, *found)])
    bonuses = np.split(
        _likelihoods(texts, distinct, selection, nats_per_token), np.cumsum(list(map(len, distinct)))
    )
    results = []
    for text, found, end, bonus in zip(texts, distinct, ends, bonuses[:-1], strict=True):
        of_text = vectors[end - len(found) - 1 : end]
        results.append(_choose(text, found, of_text[0], of_text[1:], bonus, selection))
    return results


def _likelihoods(
    texts: Sequence[str],
    distinct: Sequence[dict[str, float]],
    selection: Selection,
    nats_per_token: NatsFunction | None,
) -> np.ndarray:
    """What the two likelihoods add to the cosine of every candidate of every text, in one row."""
    sources = [text for text, found in zip(texts, distinct, strict=True) for _ in found]
    targets = [one for found in distinct for one in found]
    total = np.zeros(len(targets))
    if selection.likelihood_weight == selection.reverse_weight == 0:
        return total
    if nats_per_token is None:
        raise InputError("likelihood_weight and reverse_weight need a model's likelihoods (nats_per_token)")
    if selection.likelihood_weight:
        total -= selection.likelihood_weight * np.asarray(nats_per_token(sources, targets))
    if selection.reverse_weight:
        total -= selection.reverse_weight * np.asarray(nats_per_token(targets, sources))
    return total


def _distinct(text: str, candidates: Sequence[Generated]) -> dict[str, float]:
    """Each sentence once, with its log-probability, in the order drawn."""
    own = bare(text)
    found: dict[str, float] = {}
    for candidate in candidates:
        if candidate.text and bare(candidate.text) != own:
            found.setdefault(candidate.text, candidate.log_probability)
    return found


def _choose(
    text: str,
    found: dict[str, float],
    source: np.ndarray,
    vectors: np.ndarray,
    bonus: np.ndarray,
    selection: Selection,
) -> list[Synonym]:
    scores = vectors @ source
    relevance = scores + bonus
    order = np.argsort(-relevance, kind="stable")
    order = order[scores[order] >= selection.min_similarity]
    sentences = list(found)
    if selection.diversity is not None:
        order = _without_like_ones(text, sentences, order)
        order = _by_marginal_relevance(order, relevance, vectors, selection.diversity, selection.k)
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
    order: np.ndarray, relevance: np.ndarray, vectors: np.ndarray, diversity: float, k: int | None
) -> np.ndarray:
    chosen: list[int] = []
    left = order.tolist()
    nearest = np.full(len(relevance), -1.0)
    while left and (k is None or len(chosen) < k):
        gains = (1 - diversity) * relevance[left]
        if chosen:
            gains = gains - diversity * nearest[left]
        best = left.pop(int(np.argmax(gains)))
        chosen.append(best)
        nearest = np.maximum(nearest, vectors @ vectors[best])
    return np.array(chosen, int)
