"""Groups in which nearly all sentences resemble one another: the limit of partners works inside them."""

from __future__ import annotations

import random
from collections import Counter
from itertools import combinations

import pytest

from corpus_builder.miners import similar
from corpus_builder.miners.sentences import TextGroup, cut_and_sift
from corpus_builder.rules import Rules
from corpus_builder.similarity import jaccard

CORE = "今天天气真的非常好我们一起去公园散步吧"


def crowd(size: int, seed: int) -> list[str]:
    """Sentences that all say nearly the same."""
    rng = random.Random(seed)
    sentences: dict[str, None] = {}
    while len(sentences) < size:
        letters = list(CORE)
        for _ in range(rng.randint(1, 3)):
            letters[rng.randrange(len(letters))] = chr(rng.randint(0x4E00, 0x4F00))
        sentences["".join(letters)] = None
    return list(sentences)


def nearest_first(sentences: list[str], threshold: float, most: int) -> set[tuple[str, str]]:
    pairs = [(jaccard(sentences[i], sentences[j]), i, j) for i, j in combinations(range(len(sentences)), 2)]
    partners: Counter[int] = Counter()
    kept = set()
    for score, i, j in sorted(pairs, key=lambda pair: (-pair[0], pair[2] - pair[1], pair[1])):
        if score >= threshold and max(partners[i], partners[j]) < most:
            kept.add((sentences[i], sentences[j]))
            partners.update((i, j))
    return kept


@pytest.mark.parametrize("large", [10, 1000])
@pytest.mark.parametrize("most", [1, 3])
def test_a_dense_group_keeps_the_pairs_of_a_pass_in_order(
    monkeypatch: pytest.MonkeyPatch, large: int, most: int
) -> None:
    monkeypatch.setattr(similar, "LARGE", large)
    dense, sparse = crowd(120, most), ["天上有一轮明月", "天上有一轮弯月", "这是别的一句话"]
    groups = [TextGroup(("。".join(texts),), "a", str(k)) for k, texts in enumerate((sparse, dense, sparse))]
    rules = Rules(max_partners=most, max_length_ratio=9.0)
    sentences = cut_and_sift(groups, rules, Counter())
    counts: Counter[str] = Counter()
    i, j, score = similar.pairs_of_groups(sentences, 0.6, "set", rules, counts)
    assert (score[:-1] >= score[1:])[sentences.group[i[1:]] == sentences.group[i[:-1]]].all()
    found = [
        (sentences.written(a).rstrip("。"), sentences.written(b).rstrip("。"))
        for a, b in zip(i, j, strict=True)
    ]
    assert found[0] == found[-1] == ("天上有一轮明月", "天上有一轮弯月")
    assert set(found[1:-1]) == nearest_first(dense, 0.6, most)
    assert len(found) == len(set(found)) + 1
    assert counts["dense groups"] == (large < 100)


def test_without_a_limit_a_dense_group_keeps_all() -> None:
    texts = crowd(90, 0)
    rules = Rules(max_partners=0, max_length_ratio=9.0)
    sentences = cut_and_sift([TextGroup(("。".join(texts),), "a", "")], rules, Counter())
    i, _, _ = similar.pairs_of_groups(sentences, 0.6, "set", rules, Counter())
    assert len(i) == sum(jaccard(a, b) >= 0.6 for a, b in combinations(texts, 2)) > 32 * 90
