"""Quotes, brackets and titles: what opens, what closes, and how it began."""

from __future__ import annotations

from corpus_builder.kernels.sentences.characters import (
    CLOSE_BRACKET,
    CLOSE_QUOTE,
    CLOSE_TITLE,
    COMMA,
    DOT,
    GOES_ON,
    HAN,
    LATIN,
    LAUGH,
    LINE_END,
    OPEN_BRACKET,
    OPEN_QUOTE,
    SAYS,
    SPACE,
    STOP,
    STRAIGHT_QUOTE,
    Tables,
)
from corpus_builder.kernels.sentences.scanning import (
    AFTER,
    ASIDE,
    AT_START,
    BRACKET_REACH,
    CLOSED,
    COMMA_OF_LISTS,
    DASH,
    DEEPEST,
    DEPTH,
    INTRODUCED,
    LETTERS,
    LINE,
    PENDING,
    QUIET,
    QUOTE_REACH,
    SAID,
    START,
    STRAIGHT_REACH,
    TITLE,
    TITLE_REACH,
    WHOLE,
    WITHIN,
    State,
    class_at,
    flags_at,
    part,
    script_at,
)
from corpus_builder.kernels.texts import Codes


@part
def _narrow(code: int) -> int:
    return int(code) - 0xFEE0 if 0xFF01 <= code <= 0xFF5E else int(code)


@part
def _closer(code: int) -> int:
    """The other half of an opening quote or bracket, both in their narrow form."""
    if code == 0x22 or code == 0x27:
        return code
    return code + 2 if code == 0x5B or code == 0x7B else code + 1


@part
def find_closing(codes: Codes, i: int, stop: int, reach: int, tables: Tables) -> int:
    """Where the quote or bracket opened at ``i`` closes in its line; -1 if not within reach."""
    opener = _narrow(codes[i])
    wanted = _closer(opener)
    depth = 0
    for p in range(i + 1, min(stop, i + 1 + reach)):
        code = _narrow(codes[p])
        if code == wanted:
            apostrophe = code == 0x27 and script_at(codes, p + 1, 0, stop, tables) == LATIN
            if depth == 0 and not apostrophe:
                return p
            depth -= 0 if apostrophe else 1
        elif code == opener:
            depth += 1
        elif class_at(codes, p, tables) == LINE_END:
            return -1
    return -1


@part
def reference(codes: Codes, i: int, stop: int, tables: Tables) -> int:
    """End of a reference or a named emoji, [12] [鼓掌], else 0."""
    if codes[i] != 0x5B:
        return 0
    for p in range(i + 1, min(stop, i + 5)):
        if codes[p] == 0x5D:
            return p + 1 if p > i + 1 else 0
        if not HAN <= class_at(codes, p, tables) <= LAUGH:
            return 0
    return 0


@part
def bracketing(codes: Codes, i: int, stop: int, kind: int, tables: Tables, state: State, stack: State) -> int:
    """Quotes, brackets and titles: remember what opens, see what closes."""
    if kind in (CLOSE_QUOTE, CLOSE_BRACKET, CLOSE_TITLE):
        _close(codes, i, kind, state, stack)
    elif kind == STRAIGHT_QUOTE:
        if opened(codes, i, state, stack) >= 0:
            _close(codes, i, kind, state, stack)
        elif script_at(codes, i - 1, state[LINE], stop, tables) != LATIN or codes[i] != 0x27:
            _open_quote(codes, i, stop, STRAIGHT_REACH, tables, state, stack)
    elif kind == OPEN_QUOTE:
        _open_quote(codes, i, stop, QUOTE_REACH, tables, state, stack)
    elif state[PENDING]:  # the decision let it through: a reference
        state[AFTER] = reference(codes, i, stop, tables)
        return state[AFTER]
    elif kind == OPEN_BRACKET and state[LETTERS] == 0:
        _push(codes, i, -1, WHOLE, state, stack)
    else:
        reach = BRACKET_REACH if kind == OPEN_BRACKET else TITLE_REACH
        closing = find_closing(codes, i, stop, reach, tables)
        if closing >= 0:
            state[QUIET] = max(state[QUIET], closing + 1)
            _push(codes, i, closing, ASIDE if kind == OPEN_BRACKET else TITLE, state, stack)
    return i + 1


@part
def _open_quote(
    codes: Codes, i: int, stop: int, reach: int, tables: Tables, state: State, stack: State
) -> None:
    closing = find_closing(codes, i, stop, reach, tables)
    straight = reach == STRAIGHT_REACH
    if straight and closing < 0:
        return
    before = i - 1
    while before > state[START] and class_at(codes, before, tables) == SPACE:
        before -= 1
    previous = class_at(codes, before, tables) if before >= state[START] else LINE_END
    manner = WITHIN
    if state[LETTERS] == 0 or previous == DOT:
        manner = AT_START
    elif (previous == COMMA and codes[before] != COMMA_OF_LISTS) or codes[before] == DASH:
        manner = INTRODUCED
    elif flags_at(codes, before, stop, tables) & SAYS:
        manner = SAID
    short = 0 <= closing - i <= QUOTE_REACH
    if short and manner == AT_START:
        # “为什么？凭什么？”是他的口头禅: the quote is a part of the sentence.
        follows = flags_at(codes, closing + 1, stop, tables) & GOES_ON
        if class_at(codes, closing - 1, tables) != STOP and follows:
            manner = WITHIN
    if short and (manner in (WITHIN, SAID)):
        state[QUIET] = max(state[QUIET], closing + 1)
    _push(codes, i, closing if straight else -1, manner, state, stack)


@part
def _push(codes: Codes, i: int, closing: int, manner: int, state: State, stack: State) -> None:
    if state[DEPTH] == DEEPEST:  # the oldest were never closed
        for depth in range(1, DEEPEST):
            for row in range(3):
                stack[row, depth - 1] = stack[row, depth]
        state[DEPTH] -= 1
    depth = state[DEPTH]
    stack[0, depth], stack[1, depth], stack[2, depth] = _narrow(codes[i]), closing, manner
    state[DEPTH] += 1


@part
def opened(codes: Codes, i: int, state: State, stack: State) -> int:
    """Which open quote or bracket the character closes, the innermost first; -1 for none."""
    code = _narrow(codes[i])
    for depth in range(state[DEPTH] - 1, -1, -1):
        if _closer(stack[0, depth]) == code and (code != stack[0, depth] or stack[1, depth] == i):
            return depth
    return -1


@part
def _close(codes: Codes, i: int, kind: int, state: State, stack: State) -> None:
    depth = opened(codes, i, state, stack)
    if depth >= 0:
        state[DEPTH] = depth
    if state[PENDING]:
        state[AFTER] = i + 1
        if depth >= 0:
            state[CLOSED] = stack[2, depth]
        elif kind == CLOSE_QUOTE:
            state[CLOSED] = INTRODUCED
