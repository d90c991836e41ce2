"""From sentences to the pairs worth keeping: the search, the guards, at most so many partners."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from corpus_builder.jobs.parts import Arrays
from corpus_builder.kernels.guards import DROPPED, Guards
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


def candidate_pairs(
    codes: Codes,
    offsets: Offsets,
    bounds: npt.ArrayLike,
    threshold: float,
    variant: Variant,
    rules: Rules,
    counts: Counts,
    *,
    parts: npt.NDArray[np.int64] | None = None,
) -> Iterator[Pairs]:
    """Blocks of all pairs at or above the threshold that the rules let through, partners aside.

    Args:
        codes, offsets, bounds, threshold, variant, parts: of
            :func:`corpus_builder.kernels.pairs.iter_similar_pairs`.
        rules: every guard on pairs but ``max_partners``.
        counts: pairs above the threshold, and those that each guard dropped.
    """
    dropped, other_meaning = np.zeros(len(DROPPED), np.int64), np.zeros(len(MEANING_GUARDS), np.int64)
    guards = Guards(True, rules.max_length_ratio, not rules.allow_containment)
    features = features_of(codes, offsets, rules)
    found = 0
    for i, j, score in iter_similar_pairs(
        codes, offsets, bounds, threshold, variant, guards=guards, parts=parts, dropped=dropped
    ):
        found += len(i)
        kept = same_meaning(codes, offsets, i, j, features, rules, other_meaning)
        yield i[kept], j[kept], score[kept]
    counts["pairs above the threshold"] += found + int(dropped.sum())
    names = (*DROPPED, *(name for name, on in zip(MEANING_GUARDS, rules.asks_meaning(), strict=True) if on))
    numbers = (*dropped.tolist(), *other_meaning[list(rules.asks_meaning())].tolist())
    for name, number in zip(names, numbers, strict=True):
        counts[f"pairs dropped: {name}"] += number


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
    search = _Search(sentences, threshold, variant, rules, across_texts)
    starts = np.flatnonzero(np.diff(sentences.group, prepend=-1))
    bounds = np.append(starts, len(sentences))
    dense = max(DENSE, 4 * rules.max_partners)
    # n sentences have at most (n - 1) / 2 pairs for each of them.
    may_be_dense = (np.diff(bounds) > 2 * dense) & (rules.max_partners > 0)
    blocks = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))]
    blocks += search.pairs(np.flatnonzero(~np.repeat(may_be_dense, np.diff(bounds))), counts)
    for group in np.flatnonzero(may_be_dense).tolist():
        blocks += _pairs_of_large_group(np.arange(bounds[group], bounds[group + 1]), dense, search, counts)
    i, j, score = (np.concatenate(arrays) for arrays in zip(*blocks, strict=True))
    order = np.lexsort((j, i, -score, sentences.group[i]))
    return i[order], j[order], score[order]


@dataclass(frozen=True, slots=True)
class _Search:
    """The search for pairs among some of the sentences; its fields are those of :func:`pairs_of_groups`."""

    sentences: Sentences
    threshold: float
    variant: Variant
    rules: Rules
    across_texts: bool

    def pairs(self, places: npt.NDArray[np.int64], counts: Counts) -> Iterator[Pairs]:
        """All pairs among the sentences at these places, growing, in blocks."""
        sentences = self.sentences
        codes, offsets = sentences.codes, sentences.offsets
        group, part = sentences.group[places], sentences.part[places]
        if len(places) < len(sentences):
            codes, offsets = take_texts(codes, offsets, places)
        bounds = np.append(np.flatnonzero(np.diff(group, prepend=-1)), len(places))
        for i, j, score in candidate_pairs(
            codes,
            offsets,
            bounds,
            self.threshold,
            self.variant,
            self.rules,
            counts,
            parts=part if self.across_texts else None,
        ):
            yield places[i], places[j], score


def _pairs_of_large_group(
    places: npt.NDArray[np.int64], dense: int, search: _Search, counts: Counts
) -> list[Pairs]:
    counted: Counts = Counter()
    blocks, found = [], 0
    for block in search.pairs(places, counted):
        blocks.append(block)
        found += len(block[0])
        if found > dense * len(places):
            break
    else:
        counts.update(counted)
        return blocks
    del blocks
    candidates = 0

    def all_pairs(some: npt.NDArray[np.int64]) -> Iterator[Pairs]:
        nonlocal candidates
        is_first = len(some) == len(places)
        for block in search.pairs(some, counts if is_first else Counter()):
            candidates += len(block[0]) if is_first else 0
            yield block

    limited = limit_partners(places, search.rules.max_partners, all_pairs)
    counts["pairs dropped: enough partners"] += candidates - len(limited[0])
    return [limited]


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
