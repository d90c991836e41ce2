"""One pass over the mined rows of a run: everything the page shows about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from corpus_builder.readers import RowError, read_jsonl, read_objects, source_of
from corpus_builder.report.histograms import Histogram, PartnerCounts, Reservoir, ScoreHistogram
from corpus_builder.similarity import jaccard, normalise

BANDS = 10  # samples are drawn from bands of similarity 0.1 wide
_MOST_SOURCES = 1000
OTHER_SOURCES = "(further sources)"


@dataclass(frozen=True, slots=True)
class MinedPair:
    """A pair as mined: ``origin`` is where in its source, ``file`` and ``line`` where in the run.

    ``score_known`` is False where the report computed the score.
    """

    text_a: str
    text_b: str
    score: float
    source: str
    origin: str
    file: str
    line: int
    score_known: bool = True


@dataclass(slots=True)
class RunStatistics:
    """What one pass over a run's rows counts, in memory that does not grow with the run.

    Attributes:
        samples: for each band of similarity, ``[n / 10, (n + 1) / 10)``, a seeded uniform sample.
        computed_scores: pairs without a score, for which the character Jaccard similarity was computed.
        group_sizes: members of each group, where the run holds groups.
    """

    samples: list[Reservoir[MinedPair]]
    rows: int = 0
    pairs: int = 0
    computed_scores: int = 0
    scores: ScoreHistogram = field(default_factory=ScoreHistogram)
    lengths: Histogram = field(default_factory=Histogram)
    length_differences: Histogram = field(default_factory=Histogram)
    group_sizes: Histogram = field(default_factory=Histogram)
    sources: Counter[str] = field(default_factory=Counter)
    partners: PartnerCounts = field(default_factory=PartnerCounts)

    @classmethod
    def of(
        cls, files: Iterable[Path], samples: int, seed: int, *, watched_sentences: int = 200_000
    ) -> RunStatistics:
        """Read all rows of ``files``; ``samples`` pairs of each band are kept.

        ``watched_sentences`` bounds the memory of :class:`PartnerCounts`.
        """
        statistics = cls([Reservoir(samples, f"{seed}/{band}") for band in range(BANDS)])
        statistics.partners = PartnerCounts(watched_sentences)
        for path in files:
            for line, row in read_objects(path, _unless_empty):
                statistics._add_row(row, path, line)
        return statistics

    def _add_row(self, row: dict[str, Any], path: Path, line: int) -> None:
        self.rows += 1
        members = _members(row, path, line)
        if "synonyms" in row:
            self.group_sizes.add(len(members))
        for text in members:
            self.lengths.add(len(text))
            if len(members) > 1:
                self.partners.add(normalise(text), len(members) - 1)
        for pair in _pairs(members, row, path, line):
            self._add_pair(pair)

    def _add_pair(self, pair: MinedPair) -> None:
        self.pairs += 1
        self.computed_scores += not pair.score_known
        self.scores.add(pair.score)
        self.length_differences.add(abs(len(pair.text_a) - len(pair.text_b)))
        known = pair.source in self.sources or len(self.sources) < _MOST_SOURCES
        self.sources[pair.source if known else OTHER_SOURCES] += 1
        # Whole ten-thousandths: 0.7 has four decimals and belongs to the band that starts with it.
        self.samples[min(round(pair.score * 10_000) * BANDS // 10_000, BANDS - 1)].add(pair)


def _unless_empty(error: RowError) -> None:
    """A run that found nothing wrote an empty file; everything else is an error."""
    if error.line or error.reason != "the file is empty":
        raise error


def _members(row: dict[str, Any], path: Path, line: int) -> list[str]:
    if "text_a" in row:
        members = [row["text_a"], row.get("text_b")]
    elif isinstance(row.get("synonyms"), list):
        members = [row.get("text"), *row["synonyms"]]
    else:
        raise RowError(
            str(path), line, 'neither a pair {"text_a", "text_b"} nor a group {"text", "synonyms"}'
        )
    if not all(isinstance(text, str) for text in members):
        raise RowError(str(path), line, "the texts of a pair or group must be strings")
    return members


def _pairs(members: list[str], row: dict[str, Any], path: Path, line: int) -> Iterator[MinedPair]:
    """The pair of a row, or the pairs of a group's first text with each other member."""
    score, source, origin = row.get("score"), str(row.get("source", source_of(path))), row.get("origin", "")
    if score is not None and (isinstance(score, bool) or not isinstance(score, int | float)):
        raise RowError(str(path), line, 'the field "score" must be a number')
    if score is not None and not 0 <= score <= 1:
        raise RowError(str(path), line, f"the score {score} is outside [0, 1]: no similarity of a mining run")
    for other in members[1:]:
        known = score if score is not None else jaccard(members[0], other)
        yield MinedPair(
            members[0], other, float(known), source, str(origin), path.name, line, score is not None
        )


def read_rejects(path: Path | None, most: int) -> tuple[int, list[dict[str, Any]]]:
    """How many rows were rejected, and the first ``most`` of them."""
    count = 0
    first: list[dict[str, Any]] = []
    if path is not None:
        for _, row in read_jsonl(path):
            count += 1
            if len(first) < most:
                first.append(row)
    return count, first
