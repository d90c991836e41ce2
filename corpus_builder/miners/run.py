"""A mining run over any amount of text: chunks, parts on disk, one pass to put them together."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from corpus_builder.exclusion import Exclusion
from corpus_builder.jobs.frequent import frequent_values
from corpus_builder.jobs.parts import Part, PartsFolder
from corpus_builder.jobs.workers import Work, do_parts
from corpus_builder.kernels.partners import ENOUGH_PARTNERS, KEPT, SEEN_BEFORE, PairGate
from corpus_builder.miners.sentences import NO_KEYS, Counts, TextGroup, cut_and_sift
from corpus_builder.miners.similar import pairs_of_groups
from corpus_builder.rules import Rules
from corpus_builder.similarity import Variant

CHUNK_CHARACTERS = int(os.environ.get("CORPUS_BUILDER_CHUNK_CHARACTERS", "1048576"))
"""Characters of one piece of work; a larger document is a piece of its own."""


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


class _HashWork(Work[list[TextGroup]]):
    """The different sentences of each text as hashes, growing: what boilerplate is counted by."""

    def part(self, chunk: list[TextGroup]) -> Part:
        rules = Rules(**self.settings["rules"])
        sentences = cut_and_sift(chunk, rules, Counter(), across_texts=True)
        return Part(keys=np.sort(sentences.hashes))


class _PairWork(Work[list[TextGroup]]):
    """The similar pairs of each group."""

    def __init__(self, settings: dict[str, Any]) -> None:
        super().__init__(settings)
        self._rules = Rules(**settings["rules"])
        self._excluded, self._boilerplate = (
            np.load(settings[name], mmap_mode="r", allow_pickle=False) if settings[name] else NO_KEYS
            for name in ("excluded", "boilerplate")
        )

    def part(self, chunk: list[TextGroup]) -> Part:
        counts: Counts = Counter(groups=len(chunk))
        across = self.settings["across_texts"]
        sentences = cut_and_sift(
            chunk,
            self._rules,
            counts,
            excluded=self._excluded,
            boilerplate=self._boilerplate,
            across_texts=across,
        )
        threshold, variant = self.settings["threshold"], self.settings["variant"]
        return pairs_of_groups(chunk, sentences, threshold, variant, self._rules, counts, across_texts=across)


def mine(
    groups: Callable[[], Iterable[TextGroup]],
    mining: Mining,
    folder: Path,
    identity: dict[str, Any],
    exclusion: Exclusion,
    counts: Counts,
    *,
    processes: int = 1,
    on_progress: Callable[[str, int], None] = lambda step, characters: None,
) -> Iterator[str]:
    """Mine all groups and yield the pairs as lines of JSON, each pair once, partners limited.

    The result depends on the groups and on ``mining`` alone, whatever the number of processes and however
    often the run was killed and begun again.

    Args:
        groups: Gives the groups anew, in the same order, at each call (twice with boilerplate).
        mining: What to do.
        folder: Where finished pieces are kept until the caller removes it.
        identity: What else the result depends on: the input files.
        exclusion: Texts to leave out.
        counts: Filled in the order of the steps.
        processes: Worker processes.
        on_progress: Called with the step's name and the characters that are done.
    """
    settings = asdict(mining)
    parts = PartsFolder(folder / "pairs", {**identity, **settings, "excluded": len(exclusion)})
    settings["boilerplate"] = ""
    if mining.max_documents:
        settings["boilerplate"] = _find_boilerplate(
            groups, settings, folder, identity, processes, counts, on_progress
        )
    settings["excluded"] = str(folder / "excluded.npy") if len(exclusion) else ""
    if len(exclusion):
        _save(folder / "excluded.npy", exclusion.hashes())
    count = do_parts(
        _chunks(groups()),
        _PairWork,
        settings,
        parts,
        processes=processes,
        on_done=lambda chunk: on_progress("comparing", _characters(chunk)),
    )
    gate = PairGate(mining.rules.max_partners)
    for number in range(count):
        counts.update(parts.counts(number))
    for number in range(count):
        verdicts = gate.admit(parts.keys(number).reshape(-1, 2))
        counts["pairs dropped: seen before"] += int((verdicts == SEEN_BEFORE).sum())
        counts["pairs dropped: enough partners"] += int((verdicts == ENOUGH_PARTNERS).sum())
        counts["pairs"] += int((verdicts == KEPT).sum())
        for line, verdict in zip(parts.rows(number), verdicts.tolist(), strict=True):
            if verdict == KEPT:
                yield line


def _find_boilerplate(
    groups: Callable[[], Iterable[TextGroup]],
    settings: dict[str, Any],
    folder: Path,
    identity: dict[str, Any],
    processes: int,
    counts: Counts,
    on_progress: Callable[[str, int], None],
) -> str:
    """The file with the hashes of sentences that stand in too many texts."""
    path = folder / "boilerplate.npy"
    if not path.exists():
        parts = PartsFolder(folder / "sentences", {**identity, "rules": settings["rules"]})
        count = do_parts(
            _chunks(groups()),
            _HashWork,
            settings,
            parts,
            processes=processes,
            on_done=lambda chunk: on_progress("counting sentences", _characters(chunk)),
        )
        hashes = [parts.keys(number, mapped=True) for number in range(count)]
        _save(path, frequent_values(hashes, settings["max_documents"]))
        parts.remove()
    counts["boilerplate sentences"] = len(np.load(path, mmap_mode="r", allow_pickle=False))
    return str(path)


def _save(path: Path, array: np.ndarray) -> None:
    temporary = path.with_name(f"{path.name}.part")
    with temporary.open("wb") as file:
        np.save(file, array, allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


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


def _characters(chunk: list[TextGroup]) -> int:
    return sum(map(_length, chunk))
