"""From sentences to the pairs worth keeping: the search, the guards, at most so many partners."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from corpus_builder.jobs.parts import Arrays
from corpus_builder.kernels.guards import DROPPED, Guards
from corpus_builder.kernels.index import Ints
from corpus_builder.kernels.meaning import MEANING_GUARDS, features_of, same_meaning
from corpus_builder.kernels.nearest import limit_partners
from corpus_builder.kernels.pairs import Pairs, iter_similar_pairs
from corpus_builder.kernels.selection import take_texts
from corpus_builder.kernels.texts import Codes, Offsets
from corpus_builder.miners.sentences import Counts, Sentences, TextGroup
from corpus_builder.rules import Rules
from corpus_builder.similarity import Variant

DENSE = 32
"""Pairs for each sentence of a group from which on the group limits partners by itself."""

LARGE = 1000
"""Sentences from which on a group is searched by itself, its pairs counted while they come."""


class PairSearch:
    """All pairs of sentences at or above a threshold that the rules let through, partners aside.

    Args:
        codes, offsets: normalised sentences.
        group: number of each sentence's group; grows.
        part: for each sentence a number that its partners must not have, or None.
        threshold, variant: see :func:`corpus_builder.similarity.jaccard`.
        rules: every guard on pairs but ``max_partners``.
    """

    def __init__(
        self,
        codes: Codes,
        offsets: Offsets,
        group: Ints,
        part: Ints | None,
        threshold: float,
        variant: Variant,
        rules: Rules,
    ) -> None:
        self._texts = codes, offsets
        self._group, self._part = group, part
        self.threshold = threshold
        self._variant: Variant = variant
        self._guards = Guards(True, rules.max_length_ratio, not rules.allow_containment)
        self._features = features_of(codes, offsets, rules)
        self.rules = rules

    def pairs(self, places: Ints, counts: Counts) -> Iterator[Pairs]:
        """The pairs among the sentences at these places, growing, in blocks."""
        dropped = np.zeros(len(MEANING_GUARDS), np.int64)
        for i, j, score in self.similar(places, counts, self.threshold):
            kept = self.same_meaning(i, j, dropped)
            yield i[kept], j[kept], score[kept]
        for name, number, on in zip(MEANING_GUARDS, dropped.tolist(), self.rules.asks_meaning(), strict=True):
            if on:
                counts[f"pairs dropped: {name}"] += number

    def similar(self, places: Ints, counts: Counts, threshold: float) -> Iterator[Pairs]:
        """The same from some threshold up, before the guards on meaning were asked."""
        codes, offsets = self._texts
        if len(places) < len(self._group):
            codes, offsets = take_texts(codes, offsets, places)
        bounds = np.append(np.flatnonzero(np.diff(self._group[places], prepend=-1)), len(places))
        parts = None if self._part is None else self._part[places]
        dropped, found = np.zeros(len(DROPPED), np.int64), 0
        for i, j, score in iter_similar_pairs(
            codes,
            offsets,
            bounds,
            threshold,
            self._variant,
            guards=self._guards,
            parts=parts,
            dropped=dropped,
        ):
            found += len(i)
            yield places[i], places[j], score
        counts["pairs above the threshold"] += found + int(dropped.sum())
        for name, number in zip(DROPPED, dropped.tolist(), strict=True):
            counts[f"pairs dropped: {name}"] += number

    def same_meaning(self, i: Ints, j: Ints, dropped: Ints | None = None) -> npt.NDArray[np.bool_]:
        """Which pairs the guards on meaning let through; counts the others in ``dropped``."""
        dropped = np.zeros(len(MEANING_GUARDS), np.int64) if dropped is None else dropped
        return same_meaning(*self._texts, i, j, self._features, self.rules, dropped)


def pairs_of_groups(
    sentences: Sentences,
    threshold: float,
    variant: Variant,
    rules: Rules,
    counts: Counts,
    *,
    across_texts: bool = False,
) -> Pairs:
    """The similar pairs of every group, the most similar of a group first (ties in reading order).

    The limit of partners counts over the whole run and is not applied here, except in a dense group, one with
    more than ``DENSE`` pairs for each of its sentences (four for each partner allowed, if that is more):
    there :func:`corpus_builder.kernels.nearest.limit_partners` chooses, so that memory stays in proportion to
    the text even where every sentence resembles every other.

    Args:
        sentences: of :func:`corpus_builder.miners.sentences.cut_and_sift`.
        threshold, variant: see :func:`corpus_builder.similarity.jaccard`.
        rules: guards on pairs; ``max_partners`` 0 sets no limit anywhere.
        counts: counted up.
        across_texts: only pairs of different texts of a group.

    Returns:
        ``(i, j, score)``, places of sentences.
    """
    part = sentences.part if across_texts else None
    search = PairSearch(sentences.codes, sentences.offsets, sentences.group, part, threshold, variant, rules)
    bounds = np.append(np.flatnonzero(np.diff(sentences.group, prepend=-1)), len(sentences))
    large = np.flatnonzero(np.diff(bounds) > LARGE).tolist()
    blocks = [_pairs_of_small_groups(bounds, search, counts)]
    for k in large:
        blocks.append(_pairs_of_large_group(np.arange(bounds[k], bounds[k + 1]), search, counts))
    i, j, score = _joined(blocks)
    order = np.lexsort((j, i, -score, sentences.group[i]))
    return i[order], j[order], score[order]


def _joined(blocks: Iterable[Pairs]) -> Pairs:
    nothing = (np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    i, j, score = (np.concatenate(arrays) for arrays in zip(nothing, *blocks, strict=True))
    return i, j, score


def _dense(rules: Rules) -> int:
    return max(DENSE, 4 * rules.max_partners)


def _pairs_of_small_groups(bounds: Ints, search: PairSearch, counts: Counts) -> Pairs:
    """All groups but the large ones in one search; the dense ones are searched again."""
    sizes = np.diff(bounds)
    i, j, score = _joined(search.pairs(np.flatnonzero(np.repeat(sizes <= LARGE, sizes)), counts))
    if not search.rules.max_partners:
        return i, j, score
    group = np.searchsorted(bounds, i, side="right") - 1
    found = np.bincount(group, minlength=len(sizes))
    is_dense = found > sizes * _dense(search.rules)
    sparse = ~is_dense[group]
    blocks = [(i[sparse], j[sparse], score[sparse])]
    for k in np.flatnonzero(is_dense).tolist():
        blocks.append(_limited(np.arange(bounds[k], bounds[k + 1]), search))
        counts["pairs dropped: enough partners"] += int(found[k]) - len(blocks[-1][0])
    return _joined(blocks)


def _pairs_of_large_group(places: Ints, search: PairSearch, counts: Counts) -> Pairs:
    """One large group; once it proves dense, the search is begun again with a limit of partners.

    Of a dense group nobody knows all pairs, so those that it chooses are counted alone.
    """
    counted: Counts = Counter()
    blocks, found, most = [], 0, len(places) * _dense(search.rules)
    for block in search.pairs(places, counted):
        blocks.append(block)
        found += len(block[0])
        if search.rules.max_partners and found > most:
            break
    else:
        counts.update(counted)
        return _joined(blocks)
    counts["dense groups"] += 1
    limited = _limited(places, search)
    counts["pairs above the threshold"] += len(limited[0])
    return limited


def _limited(places: Ints, search: PairSearch) -> Pairs:
    """The pairs of a dense group, partners limited."""
    return limit_partners(
        places,
        search.rules.max_partners,
        search.threshold,
        lambda some, threshold: search.similar(some, Counter(), threshold),
        search.same_meaning,
    )


def packed(groups: Sequence[TextGroup], sentences: Sentences, pairs: Pairs) -> Arrays:
    """Pairs of a chunk as arrays, with what is needed to write those that are kept.

    Returns:
        ``keys`` (pairs, 2), the hashes of each pair's sentences; ``scores``; ``places`` (pairs, 3), its texts
        and its group; ``strings``, JSON of the texts and of the groups' sources and origins.
    """
    i, j, scores = pairs
    used, text_places = np.unique(np.concatenate([i, j]), return_inverse=True)
    used_groups, group_places = np.unique(sentences.group[i], return_inverse=True)
    strings = (
        [sentences.written(place) for place in used.tolist()],
        [(groups[group].source, groups[group].origin) for group in used_groups.tolist()],
    )
    places = np.stack([text_places[: len(i)], text_places[len(i) :], group_places], axis=1)
    return {
        "keys": np.stack([sentences.hashes[i], sentences.hashes[j]], axis=1),
        "scores": scores,
        "places": places.astype(np.int32),
        "strings": np.frombuffer(json.dumps(strings).encode(), np.uint8),
    }


def unpacked(arrays: Arrays, kept: npt.NDArray[np.bool_]) -> Iterator[dict[str, Any]]:
    """Rows ``{"text_a", "text_b", "score", "source", "origin"}`` of the pairs that are kept."""
    if not kept.any():
        return
    texts, groups = json.loads(arrays["strings"].tobytes())
    for (a, b, group), score in zip(
        arrays["places"][kept].tolist(), arrays["scores"][kept].tolist(), strict=True
    ):
        source, origin = groups[group]
        yield {
            "text_a": texts[a],
            "text_b": texts[b],
            "score": round(score, 4),
            "source": source,
            "origin": origin,
        }
