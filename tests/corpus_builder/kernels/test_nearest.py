"""Partners limited in bounded memory: the very pairs of a pass over all of them in order."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest

from corpus_builder.kernels.nearest import Pairs, limit_partners

Pair = tuple[float, int, int]


def sequential_pass(pairs: list[Pair], max_partners: int) -> list[tuple[int, int]]:
    """The definition: the most similar first, then the nearest in place, then the first in place."""
    partners: Counter[int] = Counter()
    kept = []
    for _, i, j in sorted(pairs, key=lambda pair: (-pair[0], pair[2] - pair[1], pair[1])):
        if partners[i] < max_partners and partners[j] < max_partners:
            kept.append((i, j))
            partners.update((i, j))
    return sorted(kept)


@pytest.mark.parametrize("seed", range(500))
def test_lists_of_any_length_give_what_the_sequential_pass_gives(seed: int) -> None:
    rng = random.Random(seed)
    count, levels, density = rng.randint(2, 24), rng.choice([1, 2, 5, 50]), rng.random()
    pairs = [
        (rng.randint(1, levels) / levels, i, j)
        for j in range(count)
        for i in range(j)
        if rng.random() < density
    ]
    rng.shuffle(pairs)
    unwanted = {pair[1:] for pair in pairs if rng.random() < 0.3}

    def search(texts: np.ndarray, threshold: float) -> Iterator[Pairs]:
        some = [pair for pair in pairs if set(pair[1:]) <= set(texts.tolist()) and pair[0] >= threshold]
        for start in range(0, len(some), 7):
            scores, i, j = zip(*some[start : start + 7], strict=True)
            yield np.array(i), np.array(j), np.array(scores)

    def admit(i: np.ndarray, j: np.ndarray) -> np.ndarray:
        return np.array([pair not in unwanted for pair in zip(i.tolist(), j.tolist(), strict=True)], bool)

    most = rng.randint(1, 3)
    i, j, score = limit_partners(
        np.arange(count), most, 0.02, search, admit, remembered=rng.choice([1, 2, 3, 40])
    )
    wanted = [pair for pair in pairs if pair[1:] not in unwanted]
    assert sorted(zip(i.tolist(), j.tolist(), strict=True)) == sequential_pass(wanted, most)
    scores = {pair[1:]: pair[0] for pair in pairs}
    assert [scores[a, b] for a, b in zip(i.tolist(), j.tolist(), strict=True)] == score.tolist()


def test_nothing_in_nothing_out() -> None:
    i, j, score = limit_partners(
        np.arange(0), 3, 0.5, lambda texts, threshold: iter(()), lambda i, j: np.ones(len(i), bool)
    )
    assert len(i) == len(j) == len(score) == 0
