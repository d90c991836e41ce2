"""Spans of text to what they are compared by, as fast as memory can be read.

Equal to :func:`corpus_builder.similarity.normalise` for every span of every text. A table gives each code
point's normal form, so it must not depend on neighbours. It does in two cases: the code point may join the
one before it under NFKC (combining marks, vowels and finals of conjoining Hangul), or it is a capital sigma,
whose lower case is another at the end of a word. Spans that hold one of those go through Python.
"""

from __future__ import annotations

import functools
import unicodedata
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from corpus_builder.kernels.compiling import compiled
from corpus_builder.kernels.texts import Codes, Offsets, decode_codes, decode_texts, encode_texts
from corpus_builder.similarity import normalise, simplify

# In the table: 0 drops the code point (NUL itself is dropped), this bit marks a place in `expansions`, and
# all bits a code point whose form depends on its neighbours.
_EXPANSION = 0x8000_0000
_CONTEXT = 0xFFFF_FFFF
_CODE_POINTS = 0x110000
# Code points from here on, private use and variation selectors, are neither letters nor digits.
_ASSIGNED = 0x40000
_SIGMA = "\u03a3"
_IN_CONTEXT = -1


def normalise_spans(
    codes: Codes, starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64], *, simplified: bool = False
) -> tuple[Codes, Offsets]:
    """The normal form of each span ``codes[starts[k] : ends[k]]``, laid end to end.

    Equal to ``normalise(text[start:end], simplified=simplified)`` of :mod:`corpus_builder.similarity` for
    every span: NFKC, lower case, letters and digits only.

    Args:
        codes: code points of any text.
        starts, ends: the spans, in any order, overlapping or not.
        simplified: traditional characters become simplified ones (needs the ``opencc`` extra).

    Returns:
        ``(codes, offsets)`` of the normal forms, in the order of the spans.

    Raises:
        InputError: ``simplified`` without OpenCC.

    Example:
        >>> codes, _ = encode_texts(["ＡＰＰ 打不开。怎么办？"])
        >>> decode_texts(*normalise_spans(codes, np.array([0, 8]), np.array([8, 12])))
        ['app打不开', '怎么办']
    """
    starts, ends = np.ascontiguousarray(starts, np.int64), np.ascontiguousarray(ends, np.int64)
    table = _table()
    offsets = np.zeros(len(starts) + 1, np.int64)
    lengths = offsets[1:]
    _measure(codes, starts, ends, table, lengths)
    in_context = lengths == _IN_CONTEXT
    by_python = {
        span: encode_texts([normalise(decode_codes(codes[starts[span] : ends[span]]))])[0]
        for span in np.flatnonzero(in_context).tolist()
    }
    for span, form in by_python.items():
        lengths[span] = len(form)
    np.cumsum(lengths, out=lengths)
    normal = np.empty(offsets[-1], np.uint32)
    _write(codes, starts, ends, table, in_context, normal, offsets)
    for span, form in by_python.items():
        normal[offsets[span] : offsets[span + 1]] = form
    if simplified:
        # No dictionary entry has a line break, so converting all lines at once converts each by itself.
        lines = simplify("\n".join(decode_texts(normal, offsets))).split("\n")
        return encode_texts(lines[: len(starts)])
    return normal, offsets


class _Table(NamedTuple):
    forms: npt.NDArray[np.uint32]
    expansions: npt.NDArray[np.uint32]
    expansion_starts: npt.NDArray[np.int64]


@functools.cache
def _table() -> _Table:
    """The normal form of every code point, from this Python's own Unicode tables."""
    points = [chr(code) for code in range(_ASSIGNED) if code != 0x0A]
    # One pass of the library over all of them; nothing joins across a line break.
    forms = unicodedata.normalize("NFKC", "\n".join(points)).lower().split("\n")
    table = np.zeros(_CODE_POINTS, np.uint32)
    kept = np.fromiter(map(ord, filter(str.isalnum, points)), np.uint32)
    table[kept] = kept
    expansions: list[int] = []
    starts = [0]
    for point, form in zip(points, forms, strict=True):
        if form == point:
            continue
        letters = "".join(filter(str.isalnum, form))
        if len(letters) > 1:
            table[ord(point)] = _EXPANSION | (len(starts) - 1)
            expansions += map(ord, letters)
            starts.append(len(expansions))
        else:
            table[ord(point)] = ord(letters) if letters else 0
    table[_context_dependent(points)] = _CONTEXT
    return _Table(table, np.array(expansions, np.uint32), np.array(starts, np.int64))


def _context_dependent(points: list[str]) -> list[int]:
    """Code points whose form may depend on their neighbours."""
    decomposed = unicodedata.normalize("NFKD", "\n".join(points)).split("\n")
    changed = [(point, form) for point, form in zip(points, decomposed, strict=True) if point != form]
    joins = {chr(code) for code in (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))}  # Hangul vowels, finals
    joins.update(filter(unicodedata.combining, points))
    for point, _ in changed:
        parts = unicodedata.decomposition(point).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            joins.add(chr(int(parts[1], 16)))
    depends = {point for point, form in changed if form[0] in joins or _SIGMA in form}
    return [ord(point) for point in depends | joins | {_SIGMA}]


@compiled
def _measure(
    codes: Codes,
    starts: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
    table: _Table,
    lengths: npt.NDArray[np.int64],
) -> None:
    """Fill in the length of each normal form, or that it depends on context."""
    for span in range(len(starts)):
        length = 0
        for p in range(starts[span], ends[span]):
            form = table.forms[codes[p]]
            if form < _EXPANSION:
                length += form != 0
            elif form == _CONTEXT:
                length = _IN_CONTEXT
                break
            else:
                number = form - _EXPANSION
                length += table.expansion_starts[number + 1] - table.expansion_starts[number]
        lengths[span] = length


@compiled
def _write(
    codes: Codes,
    starts: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
    table: _Table,
    in_context: npt.NDArray[np.bool_],
    normal: Codes,
    offsets: Offsets,
) -> None:
    """Write the normal forms to their places, those that depend on context left out."""
    for span in range(len(starts)):
        if in_context[span]:
            continue
        at = offsets[span]
        for p in range(starts[span], ends[span]):
            form = table.forms[codes[p]]
            if form == 0:
                continue
            if form < _EXPANSION:
                normal[at] = form
                at += 1
            else:
                number = form - _EXPANSION
                for q in range(table.expansion_starts[number], table.expansion_starts[number + 1]):
                    normal[at] = table.expansions[q]
                    at += 1
