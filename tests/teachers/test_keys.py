"""Texts are found by hash, whatever the hashes."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from roformer_sim.teachers.keys import KeyIndex, keys_of

small = st.tuples(st.integers(0, 3), st.integers(0, 3))  # so that halves of keys coincide


def array(keys: list[tuple[int, int]]) -> np.ndarray:
    return np.array(keys, np.uint64).reshape(-1, 2)


def test_a_key_is_blake2b_of_the_utf_8_text() -> None:
    digest = blake2b("花呗".encode(), digest_size=16).digest()
    assert keys_of(["花呗"]).tolist() == [
        [int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little")]
    ]
    assert keys_of(["花呗", "花呗 ", "\ud800"]).shape == (3, 2)
    assert keys_of([]).shape == (0, 2)


@given(st.lists(small, max_size=12), st.lists(small, max_size=12))
def test_rows_are_those_of_a_dictionary(have: list[tuple[int, int]], asked: list[tuple[int, int]]) -> None:
    expected: dict[tuple[int, int], int] = {}
    for row, key in enumerate(have):
        expected.setdefault(key, row)
    index = KeyIndex(array(have))
    assert len(index) == len(expected)
    assert index.rows(array(asked)).tolist() == [expected.get(key, -1) for key in asked]
