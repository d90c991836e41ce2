"""The pairs a source gives at the lowest threshold, and which of them each higher one keeps."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from corpus_builder.clusters import complete_linkage
from corpus_builder.exclusion import Exclusion
from corpus_builder.readers import read_documents, read_questions
from corpus_builder.rules import prepare
from corpus_builder.segmentation import split_sentences
from corpus_builder.similarity import Variant
from corpus_builder.study.plan import Source

Row = TypeVar("Row")
Kept = npt.NDArray[np.bool_]

_BATCH = 20_000


class Candidate(NamedTuple):
    """A pair that passed every guard but the limit of partners.

    ``i`` and ``j`` are its places among the questions of the source; 0 for the other miners.
    """

    text_a: str
    text_b: str
    score: float
    i: int = 0
    j: int = 0


def candidate_pairs(
    source: Source,
    source_file: Path,
    variant: Variant,
    lowest_threshold: float,
    exclusion: Exclusion,
    work_folder: Path,
) -> Iterator[Candidate]:
    """All pairs of a source from the lowest threshold up, in the miner's order, without a limit of partners.

    This is the one place where the study calls the miners.

    Args:
        source: the miner and its options.
        source_file: the file itself.
        variant, lowest_threshold: see :func:`corpus_builder.similarity.jaccard`.
        exclusion: texts to leave out.
        work_folder: where the miner keeps finished pieces, so that a killed study goes on there.
    """
    if source.kind == "questions":
        return _question_pairs(source, source_file, variant, lowest_threshold, exclusion)
    return _mined_pairs(source, source_file, variant, lowest_threshold, exclusion, work_folder)


def _mined_pairs(
    source: Source, file: Path, variant: Variant, lowest: float, exclusion: Exclusion, folder: Path
) -> Iterator[Candidate]:
    from corpus_builder.miners.answers import answer_groups, merge_questions
    from corpus_builder.miners.documents import document_groups
    from corpus_builder.miners.run import Mining, mine
    from corpus_builder.miners.sentences import TextGroup

    across = source.kind == "answers"

    def groups() -> Iterable[TextGroup]:
        if across:
            questions = _first(read_questions(file), source)
            return answer_groups(
                merge_questions(questions) if source.merge_questions else questions, Counter()
            )
        return document_groups(_first(read_documents(file), source), source.window)

    rules = dataclasses.replace(source.pair_rules(), max_partners=0)
    max_documents = 0 if across else source.max_documents
    mining = Mining(lowest, variant, rules, across, max_documents)
    folder.mkdir(parents=True, exist_ok=True)
    for row in mine(groups(), mining, folder, source.model_dump(), exclusion, Counter()):
        yield Candidate(row["text_a"], row["text_b"], row["score"])


def _question_pairs(
    source: Source, file: Path, variant: Variant, lowest: float, exclusion: Exclusion
) -> Iterator[Candidate]:
    from corpus_builder.miners.questions import is_question, question_pairs

    rules = source.pair_rules()
    sentences = (s for row in _first(read_documents(file), source) for s in split_sentences(row.text))
    texts: dict[str, str] = {}
    for text, normalised in prepare(filter(is_question, sentences), rules, exclusion, Counter()):
        texts.setdefault(normalised, text)
    normal, written = list(texts), list(texts.values())
    for i, j, score in question_pairs(normal, lowest, variant, rules, Counter()):
        yield Candidate(written[i], written[j], score, i, j)


def _first(rows: Iterable[Row], source: Source) -> Iterator[Row]:
    return itertools.islice(rows, source.max_rows or None)


def kept_pairs(
    source: Source, candidates: Iterable[Candidate], thresholds: Sequence[float]
) -> Iterator[tuple[Sequence[Candidate], Kept]]:
    """Batches of candidates, and for each candidate and threshold whether the miner keeps it there.

    Nothing is mined again: within a document the miner takes the most similar pair first, so a pair's fate
    at threshold t depends on the candidates from t up alone, and giving those to a gate of their own, in the
    same order, repeats what the miner does at t. Groups of questions are linked anew at each threshold.

    Args:
        source: the miner and its options.
        candidates: as :func:`candidate_pairs` gives them.
        thresholds: growing, the first not below that of the candidates.

    Yields:
        ``(candidates, kept)`` with ``kept[k, n]``: candidate n at threshold k.
    """
    if source.kind == "questions":
        yield _linked(list(candidates), thresholds, source.max_group)
        return
    from corpus_builder.kernels.partners import KEPT, PairGate

    gates = [PairGate(source.pair_rules().max_partners) for _ in thresholds]
    remaining = iter(candidates)
    while batch := list(itertools.islice(remaining, _BATCH)):
        keys = _keys(batch)
        scores = np.array([candidate.score for candidate in batch])
        kept = np.zeros((len(thresholds), len(batch)), bool)
        for k, (gate, threshold) in enumerate(zip(gates, thresholds, strict=True)):
            above = np.flatnonzero(scores >= threshold)
            kept[k, above] = gate.admit(keys[above]) == KEPT
        yield batch, kept


def _keys(batch: Sequence[Candidate]) -> npt.NDArray[np.uint64]:
    from corpus_builder.kernels.hashing import span_hashes
    from corpus_builder.kernels.normalise import normalise_spans
    from corpus_builder.kernels.texts import encode_texts

    codes, offsets = encode_texts([text for candidate in batch for text in candidate[:2]])
    return span_hashes(*normalise_spans(codes, offsets[:-1], offsets[1:])).reshape(-1, 2)


def _linked(
    candidates: Sequence[Candidate], thresholds: Sequence[float], max_group: int
) -> tuple[Sequence[Candidate], Kept]:
    place = {(candidate.i, candidate.j): n for n, candidate in enumerate(candidates)}
    kept = np.zeros((len(thresholds), len(candidates)), bool)
    for k, threshold in enumerate(thresholds):
        scores = {pair: candidates[n].score for pair, n in place.items() if candidates[n].score >= threshold}
        for members in complete_linkage(scores, max_group):
            for pair in itertools.combinations(members, 2):
                kept[k, place[pair]] = True
    return candidates, kept
