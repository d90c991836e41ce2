"""Hard negatives: sentences near an anchor that do not mean the same, for the rows ``triples`` of training.

An index gives the nearest sentences of each anchor. A candidate becomes a negative if its rank lies in a
window, its cosine with the anchor stays below the positive's by a margin, and, where a second encoder (a
teacher) is given, that one too finds it less similar than the positive.

Reference:
    The margins are those of de Souza P. Moreira et al., NV-Retriever (arXiv:2407.15831).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from corpus_builder.errors import InputError
from roformer_sim.text.bare_form import bare_form

Encode = Callable[[list[str]], np.ndarray]

BLOCK = 512
"""Anchors searched together."""


_VARIANTS = 10  # sentences that differ from another in marks only, and take no rank


class Searcher(Protocol):
    """What is asked of an index; :class:`roformer_sim.search.SentenceIndex` is one."""

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Vectors of length 1, (n, d)."""

    def search_vectors(
        self, vectors: npt.ArrayLike, k: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Rows and cosines of the nearest, (n, k); -1 where there are fewer."""

    def row(self, row: int) -> tuple[str, str]:
        """Id and text."""


class Anchor(NamedTuple):
    """A sentence and those that mean the same: ``Anchor("怎么开通花呗", ("花呗如何开通",))``."""

    text: str
    positives: tuple[str, ...]


class HardTriple(NamedTuple):
    """An anchor, one of its positives, a negative, and the cosines of both with the anchor."""

    anchor: str
    positive: str
    negative: str
    positive_score: float
    negative_score: float


@dataclass(frozen=True)
class NegativeRules:
    """Which candidates are negatives.

    Args:
        first_rank, last_rank: Window of ranks, from 1; the anchor and its positives have no rank. The first
            few are the most likely to mean the same after all.
        relative_margin: A negative's cosine is at most ``positive * (1 - relative_margin)`` (for a negative
            cosine of the positive: ``positive - abs(positive) * relative_margin``).
        absolute_margin: It is at most ``positive - absolute_margin``.
        max_score, min_score: It lies between them.
        teacher_margin: The teacher's cosine of a negative is at most its cosine of the positive less this.
        count: Negatives for each pair.
        sampling: ``"top"``: the nearest of those that pass; ``"random"``: drawn.
        seed: Of the drawing.

    Raises:
        InputError: A window or a margin that nothing can pass.
    """

    first_rank: int = 1
    last_rank: int = 50
    relative_margin: float | None = 0.05
    absolute_margin: float | None = None
    max_score: float | None = None
    min_score: float | None = None
    teacher_margin: float = 0.0
    count: int = 1
    sampling: Literal["top", "random"] = "top"
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.first_rank <= self.last_rank:
            raise InputError(f"ranks {self.first_rank} to {self.last_rank}: expected 1 <= first <= last")
        if self.count < 1:
            raise InputError(f"count must be at least 1, not {self.count}")
        if self.relative_margin is not None and not 0 <= self.relative_margin <= 1:
            raise InputError(f"relative_margin must be between 0 and 1, not {self.relative_margin}")
        if self.sampling not in ("top", "random"):
            raise InputError(f"sampling {self.sampling!r}: must be top or random")
        if self.min_score is not None and self.max_score is not None and self.min_score > self.max_score:
            raise InputError(f"min_score {self.min_score} is above max_score {self.max_score}")

    def ceiling(self, positive: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        """The largest cosine a negative of such a positive may have."""
        highest = np.full_like(positive, np.inf)
        if self.relative_margin is not None:
            highest = np.minimum(highest, positive - np.abs(positive) * self.relative_margin)
        if self.absolute_margin is not None:
            highest = np.minimum(highest, positive - self.absolute_margin)
        if self.max_score is not None:
            highest = np.minimum(highest, self.max_score)
        return highest


@dataclass
class Mined:
    """What became of the pairs.

    Attributes:
        pairs: (anchor, positive) seen.
        triples: Written.
        without: Pairs without any negative.
        candidates: Sentences in the window, over all pairs.
        too_similar, too_far: Of them, outside the margins.
        teacher_dropped: Of the rest, those that the teacher found too similar.
    """

    pairs: int = 0
    triples: int = 0
    without: int = 0
    candidates: int = 0
    too_similar: int = 0
    too_far: int = 0
    teacher_dropped: int = 0


@dataclass
class HardNegativeMiner:
    """Finds hard negatives; iterate over :meth:`mine`, then read ``counts``.

    Args:
        index: Where candidates come from.
        rules: Which of them are negatives.
        teacher: A second encoder, n sentences to (n, d) (see :mod:`roformer_sim.teachers`), that drops false
            negatives.
    """

    index: Searcher
    rules: NegativeRules = field(default_factory=NegativeRules)
    teacher: Encode | None = None
    counts: Mined = field(default_factory=Mined)

    def mine(self, anchors: Iterable[Anchor]) -> Iterator[HardTriple]:
        """Triples in the order of the anchors; at most ``rules.count`` for each (anchor, positive)."""
        stream, number = iter(anchors), 0
        judge = None if self.teacher is None else Judge(self.teacher)
        while block := list(islice(stream, BLOCK)):
            pairs = list(self._pairs(block))
            if judge is not None:
                judge.learn(text for pair in pairs for text in pair.texts_to_judge())
            for anchor, of_anchor in groupby(pairs, key=lambda pair: pair.place):
                rng = np.random.default_rng([self.rules.seed, number + anchor])
                for pair in of_anchor:
                    yield from self._choose(pair, judge, rng)
            number += len(block)

    def _pairs(self, block: Sequence[Anchor]) -> Iterator[_Pair]:
        """The pairs of a block of anchors with the candidates that lie between the margins."""
        positives = list(dict.fromkeys(text for anchor in block for text in anchor.positives))
        vectors = self.index.encode([anchor.text for anchor in block])
        of_positive = dict(zip(positives, self.index.encode(positives), strict=True)) if positives else {}
        most = max(len(anchor.positives) for anchor in block)
        rows, scores = self.index.search_vectors(vectors, self.rules.last_rank + most + 1 + _VARIANTS)
        for place, anchor in enumerate(block):
            texts, cosines = self._window(anchor, rows[place], scores[place])
            for positive in anchor.positives:
                score = float(vectors[place] @ of_positive[positive])
                between = self._between(score, cosines)
                yield _Pair(place, anchor.text, positive, score, texts, cosines, between)

    def _window(
        self, anchor: Anchor, rows: npt.NDArray[np.int64], scores: npt.NDArray[np.float32]
    ) -> tuple[list[str], npt.NDArray[np.float32]]:
        """Candidates of the window; what differs from anchor or positive in marks only is none."""
        known = {bare_form(text) for text in (anchor.text, *anchor.positives)}
        texts, cosines = [], []
        for row, score in zip(rows.tolist(), scores.tolist(), strict=True):
            if row < 0:
                break
            text = self.index.row(row)[1]
            form = bare_form(text)
            if form in known:
                continue
            known.add(form)
            texts.append(text)
            cosines.append(score)
        first, last = self.rules.first_rank - 1, self.rules.last_rank
        return texts[first:last], np.array(cosines[first:last], np.float32)

    def _between(self, score: float, cosines: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
        """Candidates neither too similar nor too far, counted."""
        rules, counts = self.rules, self.counts
        similar = cosines > float(rules.ceiling(np.array(score, np.float64)))
        far = ~similar & (cosines < (-np.inf if rules.min_score is None else rules.min_score))
        counts.pairs += 1
        counts.candidates += len(cosines)
        counts.too_similar += int(similar.sum())
        counts.too_far += int(far.sum())
        return np.flatnonzero(~similar & ~far)

    def _choose(self, pair: _Pair, judge: Judge | None, rng: np.random.Generator) -> Iterator[HardTriple]:
        rules, counts = self.rules, self.counts
        left = pair.between
        if judge is not None and len(left):
            cosines = judge.cosines(pair.anchor, [pair.positive, *(pair.texts[i] for i in left)])
            left = left[cosines[1:] <= cosines[0] - rules.teacher_margin]
            counts.teacher_dropped += len(pair.between) - len(left)
        if rules.sampling == "random" and len(left) > rules.count:
            left = np.sort(rng.choice(left, rules.count, replace=False))
        chosen = left[: rules.count].tolist()
        counts.triples += len(chosen)
        counts.without += not chosen
        for i in chosen:
            yield HardTriple(pair.anchor, pair.positive, pair.texts[i], pair.score, float(pair.cosines[i]))


class _Pair(NamedTuple):
    """An anchor, at its place in the block, one of its positives, and the candidates."""

    place: int
    anchor: str
    positive: str
    score: float
    texts: list[str]
    cosines: npt.NDArray[np.float32]
    between: npt.NDArray[np.int64]

    def texts_to_judge(self) -> list[str]:
        return (
            [self.anchor, self.positive, *(self.texts[i] for i in self.between)] if len(self.between) else []
        )


class Judge:
    """The teacher's unit vectors of sentences, each encoded once as long as it is remembered.

    The same sentences are candidates of many anchors. The ones not asked for longest are forgotten.
    """

    def __init__(self, teacher: Encode, room: int = 200_000) -> None:
        self._teacher, self._room = teacher, room
        self._vectors: dict[str, npt.NDArray[np.float32]] = {}

    def learn(self, texts: Iterable[str]) -> None:
        """Have vectors of all of these."""
        wanted = list(dict.fromkeys(texts))
        unknown = [text for text in wanted if text not in self._vectors]
        known = {text: self._vectors.pop(text) for text in wanted if text in self._vectors}
        for text in list(self._vectors)[: max(0, len(self._vectors) + len(wanted) - self._room)]:
            del self._vectors[text]
        self._vectors.update(known)
        if unknown:
            vectors = np.asarray(self._teacher(unknown), np.float32)
            vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
            self._vectors.update(zip(unknown, vectors, strict=True))

    def cosines(self, text: str, others: Sequence[str]) -> npt.NDArray[np.float32]:
        """Of ``text`` with each of ``others``, all of them learned."""
        return np.stack([self._vectors[other] for other in others]) @ self._vectors[text]
