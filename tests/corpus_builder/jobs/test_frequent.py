"""Values in many pieces: the same as counting them all at once."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from corpus_builder.jobs.frequent import frequent_values

values = st.one_of(st.integers(0, 6), st.integers(2**64 - 4, 2**64 - 1), st.integers(0, 2**64 - 1))


@given(st.lists(st.lists(values, max_size=30), max_size=6), st.integers(1, 4), st.integers(1, 10))
def test_equal_to_a_counter(parts, more_than, most_at_once):
    arrays = [np.sort(np.array(part, np.uint64)) for part in parts]
    counted = Counter(value for part in parts for value in part)
    expected = sorted(value for value, times in counted.items() if times > more_than)
    assert frequent_values(arrays, more_than, most_at_once).tolist() == expected
