"""Whether ; ! ? and full stops, which mean other things too, are marks of the sentence."""

from __future__ import annotations

from corpus_builder.kernels.sentences.characters import (
    ASK,
    CLOSE_TITLE,
    DIGIT,
    DOT,
    HAN,
    LATIN,
    LINE_END,
    NAME,
    NARROW_ASK,
    NUMERAL,
    OPEN_BRACKET,
    OPEN_QUOTE,
    OTHER,
    SPACE,
    STRAIGHT_QUOTE,
    Tables,
)
from corpus_builder.kernels.sentences.scanning import (
    AFTER,
    FULL,
    LETTERS,
    LINE,
    PENDING,
    START,
    TRAILING,
    State,
    class_at,
    flags_at,
    mark_end,
    part,
    script_at,
    skip_spaces,
)
from corpus_builder.kernels.texts import Codes


@part
def semicolon_ends(codes: Codes, i: int, stop: int, tables: Tables, state: State) -> bool:
    """Between clauses yes; in 3；5 , i = 0; i < n , &nbsp; and ;) no."""
    before = script_at(codes, i - 1, state[LINE], stop, tables)
    after = script_at(codes, i + 1, 0, stop, tables)
    if codes[i] != 0x3B:
        return not (before == DIGIT and after == DIGIT)
    p = i - 1
    while p > state[LINE] and i - p < 9 and LATIN <= script_at(codes, p, 0, stop, tables) <= DIGIT:
        p -= 1
    if p >= state[LINE] and codes[p] == 0x26:
        return False
    if before == HAN or (STRAIGHT_QUOTE <= before <= CLOSE_TITLE and codes[i - 1] >= 0x80):
        return not (i + 1 < stop and (codes[i + 1] == 0x29 or codes[i + 1] == 0x2D))
    if STRAIGHT_QUOTE <= before <= CLOSE_TITLE or (
        before == OTHER and (codes[i - 1] >= 0x80 or codes[i - 1] == 0x25)
    ):
        for p in range(i - 2, max(state[START], i - 30) - 1, -1):  # 差异显著(P<0.05);HDL
            if class_at(codes, p, tables) == HAN:
                return True
    return script_at(codes, skip_spaces(codes, i + 1, stop, tables), 0, stop, tables) == HAN


@part
def narrow_mark_asks(codes: Codes, i: int, stop: int, tables: Tables, state: State) -> bool:
    """Whether ! or ? is a mark of the sentence, not of a program or an address."""
    low = state[LINE]
    before = script_at(codes, i - 1, low, stop, tables)
    after = i + 1
    while after < stop and ASK <= class_at(codes, after, tables) <= NARROW_ASK:
        after += 1
    following = script_at(codes, after, low, stop, tables)
    if before == SPACE:
        p = i - 1
        while p > low and class_at(codes, p, tables) == SPACE:
            p -= 1
        before = script_at(codes, p, low, stop, tables)
        if before != HAN or following in (LATIN, DIGIT):
            return False
    if before == LINE_END:
        return False
    if following == LINE_END or codes[after] >= 0x80:
        return True
    if codes[after] == 0x3D or codes[after] == 0x5B:  # != ![
        return False
    if before == HAN or STRAIGHT_QUOTE <= before <= CLOSE_TITLE:
        return True
    in_word = following in (LATIN, DIGIT, OTHER, DOT)
    return not (in_word or following == OPEN_BRACKET)


@part
def dots(codes: Codes, i: int, stop: int, tables: Tables, state: State) -> int:
    """One full stop, or several that stand for an ellipsis."""
    after = i + 1
    while after < stop and class_at(codes, after, tables) == DOT:
        after += 1
    if state[PENDING]:
        state[AFTER] = after
        return after
    before = script_at(codes, i - 1, state[LINE], stop, tables)
    following = script_at(codes, after, 0, stop, tables)
    if after == i + 1:
        if _full_stop(codes, i, before, stop, tables, state):
            mark_end(state, FULL, i, after)
        return after
    narrow = before in (LATIN, DIGIT)
    in_word = narrow and (following in (LATIN, DIGIT))
    in_path = after < stop and codes[after] == 0x2F
    closes = STRAIGHT_QUOTE <= before <= CLOSE_TITLE
    if (HAN <= before <= DIGIT or closes) and not in_word and not in_path:
        mark_end(state, TRAILING, i, after)
    return after


@part
def _full_stop(codes: Codes, i: int, before: int, stop: int, tables: Tables, state: State) -> bool:
    """Whether a single . or ． ends a sentence: not in 3.14, index.html, 1. , U.S. , 约翰.史密斯."""
    p = i + 1
    while p < stop and STRAIGHT_QUOTE <= class_at(codes, p, tables) <= CLOSE_TITLE:
        p += 1
    direct = script_at(codes, p, 0, stop, tables)
    p = skip_spaces(codes, p, stop, tables)
    following = script_at(codes, p, 0, stop, tables)
    if direct == DIGIT and before == HAN and state[LETTERS] > 3:  # 他学会了.16岁那年
        while p < stop and class_at(codes, p, tables) == DIGIT:
            p += 1
        return script_at(codes, p, 0, stop, tables) == HAN
    if direct in (LATIN, DIGIT) or before in (SPACE, LINE_END) or OPEN_BRACKET <= before <= OPEN_QUOTE:
        return False
    if before == STRAIGHT_QUOTE and i + 1 < stop and codes[i + 1] == codes[i - 1]:  # "." itself
        return False
    if following == LINE_END:
        return True
    first = skip_spaces(codes, state[START], stop, tables)
    capital = p < stop and 0x41 <= codes[p] <= 0x5A
    begins = following == HAN or capital or OPEN_BRACKET <= following <= STRAIGHT_QUOTE
    if before == DIGIT:
        q = i
        while q > first and i - q < 12 and _number(class_at(codes, q - 1, tables)):
            q -= 1
        return begins and q > first and not (i - q <= 2 and following == HAN)
    if before == LATIN:
        return begins and not _abbreviation(codes, i, first, tables)
    if before == HAN:
        q = i
        while q > first and flags_at(codes, q - 1, stop, tables) & NUMERAL:
            q -= 1
        if q == first and i - q <= 3:
            return False
        if direct == HAN:
            last = flags_at(codes, i - 1, stop, tables) & flags_at(codes, max(first, i - 2), stop, tables)
            return not (last & flags_at(codes, i + 1, stop, tables) & NAME)
    return True


@part
def _number(kind: int) -> bool:
    return kind in (DIGIT, DOT)


@part
def _abbreviation(codes: Codes, i: int, first: int, tables: Tables) -> bool:
    """Whether the word before a full stop is one letter, letters with stops between them, or in the table."""
    packed, letters, part, inner = 0, 0, 0, 0
    scale = 1
    p = i - 1
    while p >= first and letters < 9:
        code = int(codes[p]) | 0x20
        if 0x61 <= code <= 0x7A:
            packed += (code - 0x60) * scale
            scale *= 32
            letters += 1
            part += 1
            if part > 1 and inner > 0:
                return False
        elif codes[p] == 0x2E and part == 1:
            inner += 1
            part = 0
        else:
            break
        p -= 1
    if inner > 0 or letters == 1:
        return True
    for known in tables.abbreviations:  # noqa: SIM110 (a loop is what can be compiled)
        if known == packed:
            return True
    return False
