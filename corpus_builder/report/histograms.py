"""What a report counts while it streams over a run, each in bounded memory."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Generic, TypeVar

Item = TypeVar("Item")

_LARGEST = 10_000  # larger values are counted as this one, which bounds the memory of any Histogram


@dataclass(frozen=True, slots=True)
class Bin:
    """The values ``low <= value < high`` and how many there were."""

    low: float
    high: float
    count: int


@dataclass(slots=True)
class Histogram:
    """Counts of whole numbers from 0 (lengths in characters, numbers of partners).

    Values above 10,000 are counted as 10,000.

    Example:
        >>> lengths = Histogram()
        >>> for text in ("你好吗", "最近怎么样"):
        ...     lengths.add(len(text))
        >>> lengths.mean, lengths.quantile(0.5)
        (4.0, 3)
    """

    counts: Counter[int] = field(default_factory=Counter)

    def add(self, value: int, times: int = 1) -> None:
        """Count ``value`` once, or ``times`` times."""
        self.counts[min(value, _LARGEST)] += times

    @property
    def total(self) -> int:
        """How many values were counted."""
        return self.counts.total()

    @property
    def mean(self) -> float:
        """The arithmetic mean; 0.0 of nothing."""
        return sum(value * count for value, count in self.counts.items()) / max(self.total, 1)

    def quantile(self, share: float) -> int:
        """The least value that at least ``share`` of all values do not exceed; 0 of nothing."""
        needed, reached = share * self.total, 0
        for value in sorted(self.counts):
            reached += self.counts[value]
            if reached >= needed:
                return value
        return 0

    def bins(self, most: int = 40) -> list[Bin]:
        """Bins of equal width from the least value to the largest, at most ``most``, empty ones included."""
        if not self.counts:
            return []
        least, largest = min(self.counts), max(self.counts)
        width = -(-(largest - least + 1) // most)
        sums: Counter[int] = Counter()
        for value, count in self.counts.items():
            sums[(value - least) // width] += count
        return [
            Bin(least + n * width, least + (n + 1) * width, sums[n])
            for n in range((largest - least) // width + 1)
        ]


class ScoreHistogram:
    """Counts of similarities in [0, 1], in 50 bins of 0.02; 1.0 belongs to the last.

    Scores are written with four decimals, so the bins are cut between whole ten-thousandths and 0.58 falls
    where it reads, whatever its binary fraction.
    """

    def __init__(self, bins: int = 50) -> None:
        self._size = bins
        self._counts = [0] * bins
        self._sum = 0.0

    def add(self, score: float) -> None:
        """Count one similarity."""
        self._counts[min(round(score * 10_000) * self._size // 10_000, self._size - 1)] += 1
        self._sum += score

    @property
    def total(self) -> int:
        """How many similarities were counted."""
        return sum(self._counts)

    @property
    def mean(self) -> float:
        """The arithmetic mean; 0.0 of nothing."""
        return self._sum / max(self.total, 1)

    def bins(self) -> list[Bin]:
        """The bins from the first that holds something up to 1.0."""
        first = next((n for n, count in enumerate(self._counts) if count), self._size)
        return [Bin(n / self._size, (n + 1) / self._size, self._counts[n]) for n in range(first, self._size)]


class Reservoir(Generic[Item]):
    """A uniform sample of ``size`` items of a stream of unknown length (Vitter 1985, algorithm R).

    The same items in the same order with the same seed give the same sample.
    """

    def __init__(self, size: int, seed: str) -> None:
        self._size = size
        self._random = random.Random(seed)
        self.seen = 0
        self.items: list[Item] = []

    def add(self, item: Item) -> None:
        """Offer one item."""
        self.seen += 1
        if len(self.items) < self._size:
            self.items.append(item)
        else:
            place = self._random.randrange(self.seen)
            if place < self._size:
                self.items[place] = item


class PartnerCounts:
    """How many pairs each sentence is in, for any number of sentences (Wegman's adaptive sampling).

    A sentence is watched while the last ``level`` bits of its hash are zero. When more than ``limit``
    sentences are watched, ``level`` grows by one, which lets go of about half of them. A sentence watched at
    the end was watched from the start, so its count is exact; there are about ``2 ** level`` times as many.
    """

    def __init__(self, limit: int = 200_000) -> None:
        self._limit = limit
        self._counts: dict[int, int] = {}
        self.level = 0

    def add(self, sentence: str, partners: int = 1) -> None:
        """Count ``partners`` more partners of ``sentence``."""
        hashed = int.from_bytes(blake2b(sentence.encode("utf-8", "surrogatepass"), digest_size=8).digest())
        if hashed & ((1 << self.level) - 1):
            return
        self._counts[hashed] = self._counts.get(hashed, 0) + partners
        while len(self._counts) > self._limit:
            self.level += 1
            mask = (1 << self.level) - 1
            self._counts = {key: count for key, count in self._counts.items() if not key & mask}

    @property
    def scale(self) -> int:
        """How many sentences a watched one stands for; 1 while all are watched."""
        return 1 << self.level

    def histogram(self) -> Histogram:
        """Sentences by their number of partners, counts multiplied by :attr:`scale`."""
        histogram = Histogram()
        for count in self._counts.values():
            histogram.add(count, self.scale)
        return histogram
