"""Whether a pending end is one, seen from what follows."""

from __future__ import annotations

import numpy as np

from corpus_builder.kernels.sentences.characters import (
    BEFORE_BE,
    CLOSE_BRACKET,
    CLOSE_QUOTE,
    CLOSE_TITLE,
    COMMA,
    DIGIT,
    DOT,
    ELLIPSIS,
    FACE,
    GOES_ON,
    HAN,
    HESITATES,
    JOINER,
    LATIN,
    LAUGH,
    LINE_END,
    NOBODY,
    OPEN_BRACKET,
    OPEN_QUOTE,
    PARTICLE,
    PRONOUN,
    SAYS,
    STOP,
    STRAIGHT_QUOTE,
    SUMS_UP,
    TILDE,
    UNFINISHED,
    Tables,
)
from corpus_builder.kernels.sentences.quotes import find_closing, opened, reference
from corpus_builder.kernels.sentences.scanning import (
    AFTER,
    ASIDE,
    AT_START,
    BE,
    BRACKET_REACH,
    CLOSED,
    COMMA_OF_LISTS,
    DE,
    FULL,
    INTRODUCED,
    LETTERS,
    MARK,
    PENDING,
    QUIET,
    QUOTE_REACH,
    SAID,
    START,
    TAG_REACH,
    TITLE,
    TRAILING,
    WEAK,
    WITHIN,
    ZHI,
    State,
    class_at,
    flags_at,
    part,
    script_at,
    skip_spaces,
)
from corpus_builder.kernels.texts import Codes


@part
def belongs(codes: Codes, i: int, stop: int, kind: int, tables: Tables, state: State, stack: State) -> bool:
    """Whether the character still belongs to the end that is pending."""
    if STOP <= kind <= ELLIPSIS or kind in (FACE, JOINER):
        return True
    if kind in (CLOSE_QUOTE, CLOSE_BRACKET, CLOSE_TITLE):
        return True
    if kind == STRAIGHT_QUOTE:
        return opened(codes, i, state, stack) >= 0
    if kind in (DOT, TILDE):
        following = script_at(codes, i + 1, 0, stop, tables)
        return following != LATIN and following != DIGIT
    return kind == OPEN_BRACKET and reference(codes, i, stop, tables) > 0


@part
def sentence_ends(codes: Codes, i: int, stop: int, tables: Tables, state: State) -> bool:
    """Decide on the pending end at the first character behind all that belongs to it."""
    following = skip_spaces(codes, i, stop, tables)
    kind = script_at(codes, following, 0, stop, tables)
    if i < state[QUIET] or state[LETTERS] == 0 or kind == COMMA:
        return False
    if kind == LINE_END:
        return True
    closed, pending = state[CLOSED], state[PENDING]
    flags = flags_at(codes, following, stop, tables)
    goes_on = codes[following] in (DE, ZHI) or (pending != FULL and flags & GOES_ON != 0)
    if closed == TITLE:
        return False
    if closed in (WITHIN, ASIDE):
        return pending == FULL
    quote_follows = kind in (OPEN_QUOTE, STRAIGHT_QUOTE)
    if closed == SAID:
        return pending == FULL or flags & PRONOUN != 0 or quote_follows
    if closed in (AT_START, INTRODUCED):
        if quote_follows:
            return True
        tag = closed == AT_START and _speech_tag(codes, following, stop, tables)
        return not (goes_on or tag)
    if pending == WEAK:
        return not goes_on and kind != OPEN_BRACKET
    if pending == TRAILING or (pending == FULL and state[AFTER] - state[MARK] > 1):
        return _ellipsis_ends(codes, following, stop, kind, tables, state)
    return True


@part
def _ellipsis_ends(codes: Codes, following: int, stop: int, kind: int, tables: Tables, state: State) -> bool:
    """Whether …… or 。。。 ends: not in 我……我不知道, 苹果、香蕉……都好吃, 那个。。。我想问."""
    if not HAN <= kind <= DIGIT:
        return True
    mark = begin = state[MARK]
    while begin > state[START] and mark - begin < 6 and HAN <= class_at(codes, begin - 1, tables) <= LAUGH:
        begin -= 1
    if begin == mark:
        return True
    last = flags_at(codes, mark - 1, mark, tables)
    brief = mark - begin <= 2
    if state[PENDING] == FULL:
        return not (brief and last & HESITATES)
    next_flags = flags_at(codes, following, following + 1, tables)
    for p in range(mark - 1, max(state[START], mark - 20) - 1, -1):
        if codes[p] == COMMA_OF_LISTS:
            return next_flags & SUMS_UP == 0
        if class_at(codes, p, tables) == COMMA:
            break
    if brief and not last & PARTICLE:
        return False
    before = mark - 2 if mark - begin > 1 else begin
    be = codes[mark - 1] == BE and flags_at(codes, before, mark, tables) & BEFORE_BE
    if last & UNFINISHED or be or codes[following] == codes[mark - 1]:
        return False
    if following + 1 < stop and codes[following] == codes[before] and codes[following + 1] == codes[mark - 1]:
        return False
    if mark - begin < 5 and codes[following] == codes[begin]:
        return False
    return codes[following] != DE


@part
def _speech_tag(codes: Codes, i: int, stop: int, tables: Tables) -> bool:
    """Whether what follows a quote says who spoke: 她问。 小明笑着说， 她收起伞，“走吧。”"""
    return _verb_of_speech(codes, i, stop, tables) or _more_speech(codes, i, stop, tables)


@part
def _more_speech(codes: Codes, i: int, stop: int, tables: Tables) -> bool:
    """Whether the speech goes on behind a comma in this sentence, and not just a quoted word."""
    for p in range(i, min(stop, i + QUOTE_REACH)):
        kind = class_at(codes, p, tables)
        if LINE_END <= kind <= ELLIPSIS:
            break
        if kind in (OPEN_QUOTE, STRAIGHT_QUOTE):
            return (codes[p - 1] == 0xFF0C or codes[p - 1] == 0x2C) and _is_speech(codes, p, stop, tables)
    return False


@part
def _is_speech(codes: Codes, i: int, stop: int, tables: Tables) -> bool:
    """Whether the quote opened at ``i`` closes behind a mark, or far away."""
    closing = find_closing(codes, i, stop, BRACKET_REACH, tables)
    last = class_at(codes, closing - 1, tables) if closing >= 0 else COMMA
    return STOP <= last <= DOT or last == COMMA


@part
def _verb_of_speech(codes: Codes, i: int, stop: int, tables: Tables) -> bool:
    """Whether the clause at ``i`` ends with a verb of speech and no more than a few characters behind it."""
    end = i
    while end < stop and end - i <= TAG_REACH and HAN <= class_at(codes, end, tables) <= LAUGH:
        end += 1
    if end - i > TAG_REACH or flags_at(codes, i, stop, tables) & NOBODY:
        return False
    for p in range(max(i, end - 6), end):
        q = p - 2 if codes[p - 1] == 0x56DE and p - 2 >= i else p - 1  # 没有回答 is 没有答
        before = (np.int64(codes[q]) << 16) | np.int64(codes[p])
        after = (np.int64(codes[p]) << 16) | np.int64(codes[p + 1]) if p + 1 < stop else np.int64(0)
        spoken = flags_at(codes, p, stop, tables) & SAYS != 0
        for pair in tables.says:
            spoken = spoken or (pair == before and p > i)
        for pair in tables.says_not:
            spoken = spoken and pair != before and pair != after
        if spoken:
            return True
    return False
