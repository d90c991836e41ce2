"""Keys: the same everywhere, all different, and their order as good as drawn at random."""

from __future__ import annotations

from collections import Counter
from hashlib import blake2b

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus_builder.mixing.keys import KeyStream

M = 2**64


def key_by_hand(seed: int, name: str, number: int) -> int:
    def mixed(z: int) -> int:
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % M
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % M
        return z ^ (z >> 31)

    digest = blake2b(f"{seed}/{name}".encode(), digest_size=16).digest()
    start, twist = int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little")
    return mixed(mixed((start + 0x9E3779B97F4A7C15 * number) % M) ^ twist)


@given(seed=st.integers(), name=st.text("甲乙/0", max_size=4), start=st.integers(0, 10**12))
def test_keys_follow_the_formula(seed: int, name: str, start: int) -> None:
    keys = KeyStream(seed, name).keys(start, start + 3)
    assert keys.tolist() == [key_by_hand(seed, name, n) for n in range(start, start + 3)]


def test_the_key_of_a_row_does_not_depend_on_where_one_begins() -> None:
    stream = KeyStream(7, "order")
    assert np.array_equal(stream.keys(0, 100)[40:], stream.keys(40, 100))
    assert len(np.unique(stream.keys(0, 100_000))) == 100_000


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 3_000), st.data())
def test_a_sample_has_exactly_the_wanted_size(rows: int, data: st.DataObject) -> None:
    size = data.draw(st.integers(1, rows))
    stream = KeyStream(data.draw(st.integers(0, 99)), "sample")
    keys = stream.keys(0, rows)
    last = stream.smallest(rows, size)
    assert last == np.sort(keys)[size - 1]
    assert (keys <= last).sum() == size


def test_a_sample_of_more_rows_than_are_looked_at_at_a_time() -> None:
    rows, size = 2_500_000, 1_234_567
    stream = KeyStream(3, "sample")
    assert (stream.keys(0, rows) <= stream.smallest(rows, size)).sum() == size


def chi_square(counts: list[int], cells: int) -> float:
    expected = sum(counts) / cells
    return sum((count - expected) ** 2 / expected for count in counts) + (cells - len(counts)) * expected


# With k cells the statistic has mean k - 1 and standard deviation sqrt(2 (k - 1)): five of them are generous.
@pytest.mark.parametrize("first_seed", [0, -(10**30)])
def test_all_orders_of_four_rows_are_equally_likely(first_seed: int) -> None:
    orders = Counter(
        tuple(KeyStream(seed, "order").keys(0, 4).argsort().tolist())
        for seed in range(first_seed, first_seed + 24_000)
    )
    assert chi_square(list(orders.values()), 24) < 23 + 5 * 46**0.5


def test_every_row_comes_to_every_place_equally_often() -> None:
    places = np.zeros((30, 30))
    for seed in range(6_000):
        places[np.arange(30), KeyStream(seed, "order").keys(0, 30).argsort()] += 1
    # Rows and columns of the table have fixed sums: 29 * 29 degrees of freedom.
    assert chi_square(places.ravel().tolist(), 900) < 841 + 5 * (2 * 841) ** 0.5


def test_every_row_is_equally_often_in_a_sample_and_samples_are_independent() -> None:
    rows, size, seeds = 40, 10, 8_000
    chosen = np.zeros((seeds, rows))
    for seed in range(seeds):
        stream = KeyStream(seed, "sample")
        chosen[seed] = stream.keys(0, rows) <= stream.smallest(rows, size)
    # A row is in a quarter of the samples, two rows together in 10 * 9 / (40 * 39) of them.
    spread = (seeds * 0.25 * 0.75) ** 0.5
    assert np.abs(chosen.sum(axis=0) - seeds / 4).max() < 5 * spread
    together = (chosen.T @ chosen)[np.triu_indices(rows, 1)]
    assert np.abs(together - seeds * 90 / 1560).max() < 5.5 * (seeds * 90 / 1560) ** 0.5


def test_streams_of_different_names_and_neighbouring_seeds_are_independent() -> None:
    streams = [KeyStream(seed, name) for seed in (0, 1) for name in ("question/order/0", "general/order/0")]
    ranks = np.array([stream.keys(0, 20_000).argsort().argsort() for stream in streams])
    correlations = np.corrcoef(ranks)[np.triu_indices(4, 1)]
    assert np.abs(correlations).max() < 5 / 20_000**0.5
