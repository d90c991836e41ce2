"""The pass over the characters.

Letters are skipped in a tight loop; every other character is an event. A mark that may end a sentence makes
an end *pending*; marks, closing quotes and brackets, emoji and references behind it are taken along, and at
the first character that is none of these :func:`corpus_builder.kernels.sentences.decision.sentence_ends`
decides. What is looked up around a character (the other half of a quote, the verb of speech behind it) lies
in the same line and within a fixed reach, so time is linear whatever the text.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from corpus_builder.kernels.compiling import compiled
from corpus_builder.kernels.sentences.characters import (
    ASK,
    COMMA,
    DIGIT,
    DOT,
    ELLIPSIS,
    FACE,
    HAN,
    JOINER,
    LAUGH,
    LINE_END,
    NARROW_ASK,
    OPEN_QUOTE,
    OTHER,
    SEMICOLON,
    SPACE,
    STOP,
    TILDE,
    Tables,
    character_tables,
)
from corpus_builder.kernels.sentences.chat import face, gap_ends, laughter, tilde
from corpus_builder.kernels.sentences.decision import belongs, sentence_ends
from corpus_builder.kernels.sentences.marks import dots, narrow_mark_asks, semicolon_ends
from corpus_builder.kernels.sentences.quotes import bracketing
from corpus_builder.kernels.sentences.scanning import (
    AFTER,
    ASKED,
    DEEPEST,
    FULL,
    LETTERS,
    PENDING,
    START,
    TRAILING,
    VALUES,
    WEAK,
    State,
    begin_line,
    class_at,
    mark_end,
    part,
    skip_spaces,
)
from corpus_builder.kernels.texts import Codes, Offsets

Spans = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]


# A part that counts references, as what makes arrays must.
_part_that_allocates = njit(nogil=True)


def sentence_spans(codes: Codes, offsets: Offsets) -> Spans:
    """Find the sentences of many texts at once.

    Args:
        codes: the code points of all texts, laid end to end (uint32).
        offsets: text k is ``codes[offsets[k] : offsets[k + 1]]`` (int64).

    Returns:
        ``(starts, ends, owner)``: sentence s is ``codes[starts[s] : ends[s]]`` and belongs to text
        ``owner[s]``. In order, without white space and control characters at the ends, never empty.

    Example:
        >>> from corpus_builder.kernels.texts import encode_texts
        >>> starts, ends, owner = sentence_spans(*encode_texts(["你好。再见！", " ", "3.14是什么？"]))
        >>> starts.tolist(), ends.tolist(), owner.tolist()
        ([0, 3, 7], [3, 6, 15], [0, 0, 2])
    """
    arrays = _frozen(codes, np.uint32), _frozen(offsets, np.int64)
    (spans, count), _ = _compiled_pass(*arrays, character_tables())
    starts, ends, owner = spans[:, :count]
    return starts, ends, owner


def _frozen(array: npt.NDArray[Any], kind: type) -> npt.NDArray[Any]:
    """Read-only and contiguous, so that one machine code serves all callers."""
    view: npt.NDArray[Any] = np.ascontiguousarray(array, kind).view()
    view.flags.writeable = False
    return view


@_part_that_allocates
def _spans(codes: Codes, offsets: Offsets, tables: Tables) -> tuple[State, int]:
    capacity = len(codes) // 16 + len(offsets) + 16
    spans = np.empty((3, capacity), np.int64)
    state, stack = np.zeros(VALUES, np.int64), np.zeros((3, DEEPEST), np.int64)
    count = 0
    for text in range(len(offsets) - 1):
        i, stop = offsets[text], offsets[text + 1]
        begin_line(state, i)
        in_line = count
        while True:
            kind = LINE_END if i >= stop else class_at(codes, i, tables)
            if state[PENDING] and not belongs(codes, i, stop, kind, tables, state, stack):
                cut = sentence_ends(codes, i, stop, tables, state)
                state[PENDING] = 0
                if cut:
                    count = _add(spans, count, in_line, codes, state[AFTER], text, tables, state)
                    state[START], state[LETTERS] = state[AFTER], 0
            if kind == LINE_END:
                count = _add(spans, count, in_line, codes, i, text, tables, state)
                if i >= stop:
                    break
                i += 1
                begin_line(state, i)
                in_line = count
            elif HAN <= kind <= DIGIT:
                begin = i
                i += 1
                while i < stop and codes[i] < 0x10000 and HAN <= tables.classes[codes[i]] <= DIGIT:
                    i += 1
                state[LETTERS] += i - begin
            elif kind in (COMMA, OTHER):
                i += 1
            else:
                i = _event(codes, i, stop, kind, tables, state, stack)
            if count == spans.shape[1]:
                spans = _grown(spans)
    return spans, count


@part
def _event(codes: Codes, i: int, stop: int, kind: int, tables: Tables, state: State, stack: State) -> int:
    """Act on a character that is neither letter nor comma; where to go on."""
    if kind == STOP:
        mark_end(state, FULL, i, i + 1)
    elif kind == ASK:
        mark_end(state, ASKED, i, i + 1)
    elif kind == ELLIPSIS:
        mark_end(state, TRAILING, i, i + 1)
    elif kind == SEMICOLON:
        if semicolon_ends(codes, i, stop, tables, state):
            mark_end(state, FULL, i, i + 1)
    elif kind == NARROW_ASK:
        if state[PENDING] or narrow_mark_asks(codes, i, stop, tables, state):
            mark_end(state, ASKED, i, i + 1)
    elif kind == SPACE:
        following = skip_spaces(codes, i, stop, tables)
        if state[START] == i:
            state[START] = following
        elif gap_ends(codes, i, following, stop, tables, state):
            mark_end(state, WEAK, i, i)
        return following
    elif kind == DOT:
        return dots(codes, i, stop, tables, state)
    elif kind == TILDE:
        return tilde(codes, i, stop, tables, state)
    elif kind == LAUGH:
        return laughter(codes, i, stop, tables, state)
    elif kind in (FACE, JOINER):
        face(codes, i, stop, kind, tables, state)
    else:
        return bracketing(codes, i, stop, kind, tables, state, stack)
    return i + 1


@_part_that_allocates
def _grown(spans: State) -> State:
    # A loop, not slices: they take Numba longer to compile than all the rest.
    grown = np.empty((3, 2 * spans.shape[1]), np.int64)
    for row in range(3):
        for column in range(spans.shape[1]):
            grown[row, column] = spans[row, column]
    return grown


@part
def _add(
    spans: State, count: int, in_line: int, codes: Codes, end: int, text: int, tables: Tables, state: State
) -> int:
    """Write a sentence, white space taken off; marks alone join the sentence before them in the line."""
    start = skip_spaces(codes, state[START], end, tables)
    while end > start and class_at(codes, end - 1, tables) == SPACE:
        end -= 1
    if start >= end:
        return count
    if state[LETTERS] == 0 and count > in_line and class_at(codes, start, tables) != OPEN_QUOTE:
        spans[1, count - 1] = end
        return count
    spans[0, count], spans[1, count], spans[2, count] = start, end, text
    return count + 1


def _compile(sources: int) -> Callable[[Codes, Offsets, Tables], tuple[tuple[State, int], int]]:
    """The pass as it is called from Python and kept on disk.

    Numba compiles anew when this file changes, or a value from outside that a function uses, and knows
    nothing of the other files here: their checksum makes it such a value.
    """

    def spans(codes: Codes, offsets: Offsets, tables: Tables) -> tuple[tuple[State, int], int]:
        return _spans(codes, offsets, tables), sources

    return compiled(spans)


_compiled_pass = _compile(
    zlib.crc32(b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))))
)
