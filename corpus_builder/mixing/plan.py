"""How many rows of each kind there will be, and how often each row is taken."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from corpus_builder.errors import InputError

_MOST_PASSES = 1000


class Kind(StrEnum):
    """What the rows of an input are."""

    QUESTION = "question"
    GENERAL = "general"


class Shortage(StrEnum):
    """What becomes of the kind that there is too much of, or too little."""

    DROP = "drop"
    REPEAT = "repeat"


@dataclass(frozen=True, slots=True)
class Mixing:
    """What is mixed and how.

    Attributes:
        ratio: General rows for one question row, counted as the decimal number it is written as: 0.1 is a
            tenth.
        shortage: ``drop`` leaves out rows of the kind there is too much of, ``repeat`` takes rows of the
            other kind again.
        seed: Of the sample and of the order; any whole number.

    Raises:
        InputError: ``ratio`` is not a positive number.
    """

    ratio: float = 1.0
    shortage: Shortage = Shortage.DROP
    seed: int = 0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.ratio) and self.ratio > 0):
            raise InputError(
                f"ratio {self.ratio}: must be a number above 0 (general rows for one question row)"
            )
        if self.shortage not in list(Shortage):
            raise InputError(f"shortage {self.shortage!r}: must be {' or '.join(Shortage)}")
        object.__setattr__(self, "shortage", Shortage(self.shortage))  # a plain string is one, too


@dataclass(frozen=True, slots=True)
class Take:
    """What is taken of the rows of one kind: every row ``passes`` times, and a sample of ``rest`` once more.

    Attributes:
        rows: How many there are.
        passes: Whole passes; 0 where rows are dropped.
        rest: Size of the sample, below ``rows``.
    """

    rows: int
    passes: int
    rest: int

    @property
    def total(self) -> int:
        """Rows in the output."""
        return self.rows * self.passes + self.rest


def plan(questions: int, general: int, mixing: Mixing) -> dict[Kind, Take]:
    """How often the rows of each kind are taken, so that there are ``ratio`` general rows for a question row.

    One kind is taken as it is, each row once: with ``drop`` the one there is too little of, with ``repeat``
    the other. The number for the second kind is ``ratio * questions`` or ``general / ratio``, rounded to the
    nearest whole number (a half up).

    Example:
        >>> {kind.value: take.total for kind, take in plan(300, 1000, Mixing(ratio=2.0)).items()}
        {'question': 300, 'general': 600}
        >>> {kind.value: take.total for kind, take in plan(300, 1000, Mixing(2.0, Shortage.REPEAT)).items()}
        {'question': 500, 'general': 1000}

    Raises:
        InputError: nothing would be left of a kind, or its rows would be repeated more than 1,000 times.
    """
    ratio = Fraction(repr(float(mixing.ratio)))
    questions_short = ratio * questions < general
    if questions_short == (mixing.shortage == Shortage.DROP):
        totals = {Kind.QUESTION: questions, Kind.GENERAL: _nearest(ratio * questions)}
    else:
        totals = {Kind.QUESTION: _nearest(general / ratio), Kind.GENERAL: general}
    found = {Kind.QUESTION: questions, Kind.GENERAL: general}
    takes = {}
    for kind, total in totals.items():
        given = f"ratio {mixing.ratio}: with {questions:,} question rows and {general:,} general rows"
        if total == 0:
            raise InputError(f"{given} no {kind} row would be left; give more rows or a ratio nearer to 1")
        takes[kind] = Take(found[kind], *divmod(total, found[kind]))
        if takes[kind].passes >= _MOST_PASSES:
            raise InputError(
                f"{given} each {kind} row would be there {takes[kind].passes:,} times; give more rows, a "
                "ratio nearer to what there is, or drop instead of repeat"
            )
    return takes


def _nearest(number: Fraction) -> int:
    return math.floor(number + Fraction(1, 2))
