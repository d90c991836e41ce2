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
from itertools import islice
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
        while block := list(islice(stream, BLOCK)):
            positives = list(dict.fromkeys(text for anchor in block for text in anchor.positives))
            vectors = self.index.encode([anchor.text for anchor in block])
            of_positive = dict(zip(positives, self.index.encode(positives), strict=True)) if positives else {}
            most = max(len(anchor.positives) for anchor in block)
            rows, scores = self.index.search_vectors(vectors, self.rules.last_rank + most + 1 + _VARIANTS)
            for i, anchor in enumerate(block):
                texts, cosines = self._window(anchor, rows[i], scores[i])
                rng = np.random.default_rng([self.rules.seed, number])
                number += 1
                for positive in anchor.positives:
                    score = float(vectors[i] @ of_positive[positive])
                    yield from self._choose(anchor.text, positive, score, texts, cosines, rng)

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

    def _choose(
        self,
        anchor: str,
        positive: str,
        score: float,
        texts: list[str],
        cosines: npt.NDArray[np.float32],
        rng: np.random.Generator,
    ) -> Iterator[HardTriple]:
        rules, counts = self.rules, self.counts
        counts.pairs += 1
        counts.candidates += len(texts)
        similar = cosines > float(rules.ceiling(np.array(score, np.float64)))
        far = ~similar & (cosines < (-np.inf if rules.min_score is None else rules.min_score))
        counts.too_similar += int(similar.sum())
        counts.too_far += int(far.sum())
        left = self._teacher_passes(anchor, positive, texts, np.flatnonzero(~similar & ~far))
        if rules.sampling == "random" and len(left) > rules.count:
            left = np.sort(rng.choice(left, rules.count, replace=False))
        chosen = left[: rules.count].tolist()
        counts.triples += len(chosen)
        counts.without += not chosen
        for i in chosen:
            yield HardTriple(anchor, positive, texts[i], score, float(cosines[i]))

    def _teacher_passes(
        self, anchor: str, positive: str, texts: list[str], rows: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        if self.teacher is None or not len(rows):
            return rows
        vectors = np.asarray(self.teacher([anchor, positive, *[texts[i] for i in rows]]), np.float64)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        cosines = vectors[1:] @ vectors[0]
        passed = rows[cosines[1:] <= cosines[0] - self.rules.teacher_margin]
        self.counts.teacher_dropped += len(rows) - len(passed)
        return passed
