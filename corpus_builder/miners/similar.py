"""From sentences to the pairs worth keeping: the search, the guards, rows with score and origin."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from corpus_builder.jobs.parts import Part
from corpus_builder.kernels.guards import DROPPED, Guards
from corpus_builder.kernels.pairs import similar_pairs
from corpus_builder.miners.sentences import Counts, Sentences, TextGroup
from corpus_builder.rules import Rules
from corpus_builder.similarity import Variant


def pairs_of_groups(
    groups: Sequence[TextGroup],
    sentences: Sentences,
    threshold: float,
    variant: Variant,
    rules: Rules,
    counts: Counts,
    *,
    across_texts: bool = False,
) -> Part:
    """The similar pairs of every group, the most similar of a group first (ties in reading order).

    Args:
        groups, sentences: What :func:`corpus_builder.miners.sentences.cut_and_sift` was given and gave.
        threshold, variant: See :func:`corpus_builder.similarity.jaccard`.
        rules: Guards on pairs; ``max_partners`` is not applied here, since it counts over the whole run.
        across_texts: Only pairs of different texts of a group.

    Returns:
        Rows ``{"text_a", "text_b", "score", "source", "origin"}`` and as keys the two hashes of each.
    """
    bounds = np.searchsorted(sentences.group, np.arange(len(groups) + 1))
    dropped = np.zeros(len(DROPPED), np.int64)
    i, j, score = similar_pairs(
        sentences.codes,
        sentences.offsets,
        bounds,
        threshold,
        variant,
        guards=Guards(
            equal=True, max_length_ratio=rules.max_length_ratio, contained=not rules.allow_containment
        ),
        parts=sentences.part if across_texts else None,
        dropped=dropped,
    )
    counts["pairs above the threshold"] += len(i) + int(dropped.sum())
    for reason, number in zip(DROPPED, dropped.tolist(), strict=True):
        counts[f"pairs dropped: {reason}"] += number
    i, j, score = _guarded(sentences, rules, counts, i, j, score)
    order = np.lexsort((j, i, -score, sentences.group[i]))
    i, j, score = i[order], j[order], score[order]
    rows = []
    for a, b, value in zip(i.tolist(), j.tolist(), score.tolist(), strict=True):
        group = groups[sentences.group[a]]
        rows.append(
            {
                "text_a": sentences.written(a),
                "text_b": sentences.written(b),
                "score": round(value, 4),
                "source": group.source,
                "origin": group.origin,
            }
        )
    keys = np.stack([sentences.hashes[i], sentences.hashes[j]], axis=1)
    return Part(rows, keys, counts)


def _guarded(
    sentences: Sentences,
    rules: Rules,
    counts: Counts,
    i: npt.NDArray[np.int64],
    j: npt.NDArray[np.int64],
    score: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The pairs that the guards on numbers, negation and substituted words let through."""
    guards = rules.meaning_guards()
    if not guards:
        return i, j, score
    normalised = lru_cache(maxsize=1 << 16)(sentences.normalised)
    kept = np.ones(len(i), bool)
    for place, (a, b) in enumerate(zip(i.tolist(), j.tolist(), strict=True)):
        text_a, text_b = normalised(a), normalised(b)
        for reason, refuses in guards:
            if refuses(text_a, text_b):
                counts[f"pairs dropped: {reason}"] += 1
                kept[place] = False
                break
    return i[kept], j[kept], score[kept]
