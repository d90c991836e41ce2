"""How many rows of each kind are taken: exact for every ratio."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from corpus_builder.errors import InputError
from corpus_builder.mixing import Mixing, Shortage
from corpus_builder.mixing.plan import Kind, plan

SIZES = st.integers(1, 10**7)
RATIOS = st.decimals("0.01", "100", places=2)


def totals(questions: int, general: int, ratio: float, shortage: Shortage) -> tuple[int, int]:
    takes = plan(questions, general, Mixing(ratio, shortage))
    return takes[Kind.QUESTION].total, takes[Kind.GENERAL].total


@pytest.mark.parametrize(
    ("questions", "general", "ratio", "dropped", "repeated"),
    [
        (300, 1000, 1.0, (300, 300), (1000, 1000)),
        (300, 1000, 2.0, (300, 600), (500, 1000)),
        (300, 1000, 0.5, (300, 150), (2000, 1000)),
        (1000, 300, 1.0, (300, 300), (1000, 1000)),
        (1000, 300, 3.0, (100, 300), (1000, 3000)),
        (300, 300, 1.0, (300, 300), (300, 300)),
        (10, 100, 0.1, (10, 1), (1000, 100)),  # a tenth, not the binary fraction beside it
        (5, 100, 0.5, (5, 3), (200, 100)),  # a half is rounded up
    ],
)
def test_counts_by_hand(
    questions: int, general: int, ratio: float, dropped: tuple[int, int], repeated: tuple[int, int]
) -> None:
    assert totals(questions, general, ratio, Shortage.DROP) == dropped
    assert totals(questions, general, ratio, Shortage.REPEAT) == repeated


@given(questions=SIZES, general=SIZES, ratio=RATIOS, shortage=st.sampled_from(Shortage))
def test_one_kind_is_whole_and_the_other_the_nearest_number(
    questions: int, general: int, ratio: Decimal, shortage: Shortage
) -> None:
    exact = Fraction(ratio)
    try:
        found = totals(questions, general, float(ratio), shortage)
    except InputError:
        short = min(Fraction(general), exact * questions), min(Fraction(questions), general / exact)
        # Nothing of a kind, or a thousand times the same rows.
        assert (
            min(short) < Fraction(1, 2) or max(exact * questions / general, general / exact / questions) > 999
        )
        return
    if shortage is Shortage.DROP:
        assert found[0] <= questions and found[1] <= general
    else:
        assert found[0] >= questions and found[1] >= general
    whole_questions = found[0] == questions and abs(found[1] - exact * questions) <= Fraction(1, 2)
    whole_general = found[1] == general and abs(found[0] - general / exact) <= Fraction(1, 2)
    assert whole_questions or whole_general


@given(rows=st.integers(1, 50), total=st.integers(1, 500))
def test_repeats_are_whole_passes_and_a_sample(rows: int, total: int) -> None:
    assume(total >= rows)
    take = plan(total, rows, Mixing(1.0, Shortage.REPEAT))[Kind.GENERAL]
    assert (take.passes, take.rest) == divmod(total, rows)
    assert take.total == total


@pytest.mark.parametrize("ratio", [0.0, -1.0, math.nan, math.inf])
def test_a_ratio_is_a_positive_number(ratio: float) -> None:
    with pytest.raises(InputError, match="must be a number above 0"):
        Mixing(ratio)


def test_a_ratio_that_leaves_nothing_or_repeats_without_end_is_refused() -> None:
    with pytest.raises(InputError, match="with 3 question rows and 10 general rows no general row would be"):
        plan(3, 10, Mixing(0.1))
    with pytest.raises(InputError, match="each general row would be there 2,000 times"):
        plan(10, 5, Mixing(1000.0, Shortage.REPEAT))
