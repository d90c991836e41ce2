"""A mining run over any amount of text: chunks, parts on disk, one pass to put them together."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from corpus_builder.exclusion import Exclusion
from corpus_builder.jobs.frequent import frequent_values
from corpus_builder.jobs.parts import Part, PartsFolder, save_array
from corpus_builder.jobs.workers import Work, do_parts
from corpus_builder.kernels.partners import ENOUGH_PARTNERS, KEPT, SEEN_BEFORE, PairGate
from corpus_builder.kernels.selection import Keys, is_among
from corpus_builder.manifest import versions
from corpus_builder.miners.sentences import NO_KEYS, Counts, TextGroup, cut_and_sift
from corpus_builder.miners.similar import packed, pairs_of_groups, unpacked
from corpus_builder.rules import Rules
from corpus_builder.similarity import Variant

CHUNK_CHARACTERS = int(os.environ.get("CORPUS_BUILDER_CHUNK_CHARACTERS", "1048576"))
"""Characters of one piece of work; a larger document is a piece of its own."""

_BOILERPLATE = -1
_NO_LIMIT = np.iinfo(np.int32).max


@dataclass(frozen=True, slots=True)
class Mining:
    """What is mined and how.

    Attributes:
        threshold, variant: Least similarity, and which; see :func:`corpus_builder.similarity.jaccard`.
        rules: Guards on sentences and pairs.
        across_texts: Pairs of different texts of a group (answers) instead of any two sentences (documents).
        max_documents: Sentences of more texts than this are boilerplate; 0 leaves them in.
    """

    threshold: float
    variant: Variant
    rules: Rules
    across_texts: bool = False
    max_documents: int = 0


class _MiningWork(Work[list[TextGroup]]):
    """The similar pairs of each group, and the sentences of each text as hashes."""

    def __init__(self, settings: dict[str, Any]) -> None:
        super().__init__(settings)
        self._rules = Rules(**settings["rules"])
        path = settings["excluded"]
        self._excluded = np.load(path, mmap_mode="r", allow_pickle=False) if path else NO_KEYS

    def part(self, chunk: list[TextGroup]) -> Part:
        counts: Counts = Counter(groups=len(chunk))
        across, variant = self.settings["across_texts"], self.settings["variant"]
        sentences = cut_and_sift(chunk, self._rules, counts, excluded=self._excluded, across_texts=across)
        pairs = pairs_of_groups(
            sentences, self.settings["threshold"], variant, self._rules, counts, across_texts=across
        )
        values = np.sort(sentences.hashes_of_texts) if self.settings["max_documents"] else NO_KEYS
        return Part(packed(chunk, sentences, pairs), values, counts)


def mine(
    groups: Iterable[TextGroup],
    mining: Mining,
    folder: Path,
    identity: dict[str, Any],
    exclusion: Exclusion,
    counts: Counts,
    *,
    processes: int = 1,
) -> Iterator[dict[str, Any]]:
    """Mine all groups and yield the pairs as JSON rows, each pair once, partners limited.

    Boilerplate, a sentence of too many texts, is known once all texts were read. Whether two sentences are
    similar depends on them alone, so its pairs are dropped then, with the result of dropping it beforehand;
    except in a dense group, where it has taken part in choosing partners.

    The result depends on the groups and on ``mining`` alone, whatever the number of processes and however
    often the run was killed and begun again.

    Args:
        groups: In the same order at each run.
        mining: What to do.
        folder: Where finished pieces are kept until the caller removes it.
        identity: What else the result depends on: the input files.
        exclusion: Texts to leave out.
        counts: Filled in the order of the steps.
        processes: Worker processes.
    """
    settings = asdict(mining)
    excluded = exclusion.hashes()
    digest = hashlib.sha256(excluded.tobytes()).hexdigest()
    pieces = {"excluded": digest, "chunk_characters": CHUNK_CHARACTERS, "versions": versions()}
    parts = PartsFolder(folder, {**identity, **settings, **pieces})
    settings["excluded"] = str(folder / "excluded.npy") if len(excluded) else ""
    if len(excluded):
        save_array(folder / "excluded.npy", excluded)
    count = do_parts(_chunks(groups), _MiningWork, settings, parts, processes=processes)
    boilerplate = NO_KEYS
    if mining.max_documents:
        boilerplate = frequent_values(parts.all_values(count), mining.max_documents)
        counts["boilerplate sentences"] = len(boilerplate)
    yield from _gated(map(parts.load, range(count)), boilerplate, mining.rules.max_partners, counts)


def _gated(
    parts: Iterable[Part], boilerplate: Keys, max_partners: int, counts: Counts
) -> Iterator[dict[str, Any]]:
    """The rows of all parts in order: without boilerplate, each pair once, partners limited."""
    gate = PairGate(max_partners or _NO_LIMIT)
    reasons = {SEEN_BEFORE: "seen before", ENOUGH_PARTNERS: "enough partners"}
    for part in parts:
        counts.update(part.counts)
        keys = part.arrays["keys"]
        verdicts = np.full(len(keys), _BOILERPLATE, np.int8)
        wanted = ~is_among(keys, boilerplate).any(axis=1)
        verdicts[wanted] = gate.admit(keys[wanted])
        if len(boilerplate):
            counts["pairs dropped: boilerplate"] += int((~wanted).sum())
        for verdict, reason in reasons.items():
            counts[f"pairs dropped: {reason}"] += int((verdicts == verdict).sum())
        kept = verdicts == KEPT
        counts["pairs"] += int(kept.sum())
        yield from unpacked(part.arrays, kept)


def _chunks(groups: Iterable[TextGroup]) -> Iterator[list[TextGroup]]:
    chunk: list[TextGroup] = []
    size = 0
    for group in groups:
        chunk.append(group)
        size += _length(group)
        if size >= CHUNK_CHARACTERS:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _length(group: TextGroup) -> int:
    return sum(map(len, group.texts))
