"""What all rules share: the running state, classes of neighbours, the other half of a quote."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit
from numba.core.options import DefaultOptions

from corpus_builder.kernels.sentences.characters import (
    FACE,
    HAN,
    LATIN,
    LAUGH,
    LINE_END,
    OTHER,
    SPACE,
    Tables,
)
from corpus_builder.kernels.texts import Codes

State = npt.NDArray[np.int64]

# Where each value of the running state lies: the sentence begins at START and has LETTERS; an end may be
# PENDING, with its first MARK, the place AFTER all that belongs to it, and the manner of the quote CLOSED
# behind the mark; before QUIET no mark ends anything; DEPTH of the stack of open quotes; the LINE begins
# there, FACTS are known about it.
START, LETTERS, PENDING, MARK, AFTER, CLOSED, QUIET, DEPTH, LINE, FACTS = range(10)
VALUES = 10
# How sure a pending end is.
WEAK, TRAILING, ASKED, FULL = 1, 2, 3, 4
# How a quote began: at the start of a sentence, after a colon or comma, within a clause, after 说; and
# brackets: within a sentence, around one; titles.
AT_START, INTRODUCED, WITHIN, SAID, ASIDE, WHOLE, TITLE = 1, 2, 3, 4, 5, 6, 7

DEEPEST = 8
QUOTE_REACH, STRAIGHT_REACH, BRACKET_REACH, TITLE_REACH, TAG_REACH = 40, 300, 100, 60, 24
DE, ZHI, BE, TO_LAUGH, ORDINAL, COMMA_OF_LISTS, DASH = map(ord, "的之是笑第、—")

# Compiled into ``spans`` and kept on disk as a part of it, not each function for itself.
_OPTIONS: dict[str, Any] = {"nogil": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
if hasattr(DefaultOptions, "_nrt"):
    # The parts allocate nothing; counting references at their calls would take three quarters of the time.
    _OPTIONS["_nrt"] = False
part = njit(**_OPTIONS)


@part
def class_at(codes: Codes, i: int, tables: Tables) -> int:
    code = codes[i]
    if code < 0x10000:
        return int(tables.classes[code])
    if 0x1F1E6 <= code <= 0x1FAFF or 0x1F000 <= code < 0x1F100:
        return OTHER if 0x1F446 <= code <= 0x1F449 else FACE  # a pointing hand introduces what follows
    return HAN if 0x20000 <= code < 0x40000 else OTHER


@part
def script_at(codes: Codes, i: int, low: int, stop: int, tables: Tables) -> int:
    """The class, laughter counted as the letters it is written in; LINE_END beyond the line."""
    if i < low or i >= stop:
        return LINE_END
    kind = class_at(codes, i, tables)
    if kind == LAUGH:
        return LATIN if codes[i] < 0x80 else HAN
    return kind


@part
def flags_at(codes: Codes, i: int, stop: int, tables: Tables) -> int:
    return int(tables.words[codes[i]]) if i < stop and codes[i] < 0x10000 else 0


@part
def skip_spaces(codes: Codes, i: int, stop: int, tables: Tables) -> int:
    while i < stop and class_at(codes, i, tables) == SPACE:
        i += 1
    return i


@part
def mark_end(state: State, strength: int, begin: int, after: int) -> None:
    """A mark makes an end pending, or a pending one surer."""
    if state[PENDING] == 0:
        state[MARK], state[CLOSED] = begin, 0
    if strength > WEAK:
        state[CLOSED] = 0
    state[PENDING] = max(state[PENDING], strength)
    state[AFTER] = after


@part
def begin_line(state: State, i: int) -> None:
    for value in range(len(state)):
        state[value] = 0
    state[START] = state[LINE] = i
