"""Whole runs over groups larger than a block of the kernel, against a product of matrices."""

from __future__ import annotations

import random
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
from miners_oracle import Counts, normal
from similarity_oracle import token_set

from corpus_builder.exclusion import Exclusion
from corpus_builder.kernels.search import BLOCK
from corpus_builder.miners.run import Mining, mine
from corpus_builder.miners.sentences import TextGroup
from corpus_builder.rules import Rules
from corpus_builder.similarity import Variant


@pytest.mark.parametrize(("variant", "across_texts"), [("set", False), ("multiset", True), ("bigram", True)])
def test_more_sentences_than_a_block_of_the_kernel(
    variant: Variant, across_texts: bool, tmp_path: Path
) -> None:
    # 5,000 sentences of 9 characters, some of them one change away from another; two answers or one document.
    rng = random.Random(len(variant) + across_texts)
    characters = [chr(0x4E00 + k) for k in range(400)]
    sentences = ["".join(rng.choices(characters, k=9)) + "。" for _ in range(5000)]
    for k in range(0, 5000, 5):
        near, at = list(sentences[rng.randrange(5000)]), rng.randrange(9)
        near[at] = rng.choice(characters)
        sentences[k] = "".join(near)
    texts = [sentences[:2500], sentences[2500:]] if across_texts else [sentences]
    rules = Rules(max_partners=2, max_length_ratio=99.0)
    mining = Mining(0.5, variant, rules, across_texts=across_texts)
    group = TextGroup(tuple(map("".join, texts)), "书", "一")
    counts: Counts = Counter()
    found = list(mine([group], mining, tmp_path, {}, Exclusion(), counts))
    assert counts["sentences compared"] > BLOCK
    assert found == matrix_pairs(texts, variant, across_texts=across_texts, max_partners=2)
    assert len(found) > 400


def matrix_pairs(
    texts: list[list[str]], variant: str, *, across_texts: bool, max_partners: int
) -> list[dict[str, object]]:
    """The pairs of one group at 0.5 by a product of matrices of 0 and 1, each token a column."""
    first_of: dict[tuple[int, str], str] = {}
    for number, sentences in enumerate(texts):
        for sentence in sentences:
            first_of.setdefault((number * across_texts, sentence), sentence)
    numbers, written = [number for number, _ in first_of], list(first_of.values())
    tokens = [token_set(normal(sentence), variant) for sentence in written]
    columns = {token: n for n, token in enumerate(sorted(set().union(*tokens), key=repr))}
    has = scipy.sparse.lil_array((len(tokens), len(columns)), dtype=np.int32)
    for row, own in enumerate(tokens):
        for token in own:
            has[row, columns[token]] = 1
    has = has.tocsr()
    shared = (has @ has.T).tocoo()
    sizes = np.array([len(own) for own in tokens])
    ranked = []
    for i, j, both in zip(shared.row.tolist(), shared.col.tolist(), shared.data.tolist(), strict=True):
        union = int(sizes[i] + sizes[j] - both)
        if i < j and 2 * both >= union and not (across_texts and numbers[i] == numbers[j]):
            a, b = normal(written[i]), normal(written[j])
            if a != b and a not in b and b not in a:
                ranked.append((-Fraction(both, union), i, j))
    partners: Counts = Counter()
    seen: set[frozenset[str]] = set()
    rows: list[dict[str, object]] = []
    for score, i, j in sorted(ranked):
        a, b = written[i], written[j]
        if frozenset((a, b)) not in seen and max(partners[a], partners[b]) < max_partners:
            seen.add(frozenset((a, b)))
            partners.update((a, b))
            rows.append(
                {
                    "text_a": a,
                    "text_b": b,
                    "score": round(float(-score), 4),
                    "source": "书",
                    "origin": "一",
                }
            )
    return rows
