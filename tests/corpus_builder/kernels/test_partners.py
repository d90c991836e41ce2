"""The gate for pairs, against sets and counters."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus_builder.kernels.partners import ENOUGH_PARTNERS, KEPT, SEEN_BEFORE, PairGate


def by_sets(pairs, max_partners):
    seen, partners, verdicts = set(), Counter(), []
    for a, b in pairs:
        if frozenset((a, b)) in seen:
            verdicts.append(SEEN_BEFORE)
        elif max(partners[a], partners[b]) >= max_partners:
            verdicts.append(ENOUGH_PARTNERS)
        else:
            seen.add(frozenset((a, b)))
            partners.update((a, b))
            verdicts.append(KEPT)
    return verdicts


# Few sentences, so that pairs repeat; neighbours and multiples of the table size, so that slots collide.
sentences = st.one_of(st.integers(1, 9), st.integers(1, 5).map(lambda n: n * 4096 + 1), st.just(2**64 - 1))
distinct_pairs = st.tuples(sentences, sentences).filter(lambda pair: pair[0] != pair[1])


@settings(deadline=None)  # the first call compiles
@given(st.lists(distinct_pairs, max_size=60), st.integers(1, 3), st.integers(1, 20))
def test_equal_to_sets_however_the_pairs_arrive(pairs, max_partners, size):
    gate, found = PairGate(max_partners), []
    for start in range(0, len(pairs), size):
        found += gate.admit(np.array(pairs[start : start + size], np.uint64)).tolist()
    assert found == by_sets(pairs, max_partners)


def test_many_pairs_grow_the_tables():
    rng = np.random.default_rng(0)
    ids = rng.integers(1, 2**63, 5000, dtype=np.uint64)
    pairs = ids[rng.integers(0, 5000, (60_000, 2))]
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    assert PairGate(8).admit(pairs).tolist() == by_sets([tuple(p) for p in pairs.tolist()], 8)


def test_no_pairs():
    assert PairGate(3).admit(np.zeros((0, 2), np.uint64)).tolist() == []
