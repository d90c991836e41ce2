"""Ends without a mark: tildes, laughter, emoji and spaces."""

from __future__ import annotations

from corpus_builder.kernels.sentences.characters import (
    AFTER_LAUGH,
    BEFORE_LAUGH,
    CLOSES_CLAUSE,
    COMMA,
    DIGIT,
    FACE,
    HAN,
    LABEL_END,
    LATIN,
    LAUGH,
    LINE_END,
    NUMERAL,
    PARTICLE,
    SEMICOLON,
    SPACE,
    STOP,
    TILDE,
    UNIT,
    Tables,
)
from corpus_builder.kernels.sentences.scanning import (
    AFTER,
    FACTS,
    LETTERS,
    LINE,
    ORDINAL,
    PENDING,
    QUIET,
    START,
    TO_LAUGH,
    WEAK,
    State,
    class_at,
    flags_at,
    mark_end,
    part,
    script_at,
    skip_spaces,
)
from corpus_builder.kernels.texts import Codes

# Facts about a line, found when first asked for.
KNOWN, HAS_COMMA, RUN_ON = 1, 2, 4


@part
def tilde(codes: Codes, i: int, stop: int, tables: Tables, state: State) -> int:
    """在的呀~ ends, 3~5天 and 周一~周五 do not."""
    after = i + 1
    while after < stop and class_at(codes, after, tables) == TILDE:
        after += 1
    if state[PENDING]:
        state[AFTER] = after
        return after
    before = script_at(codes, i - 1, state[LINE], stop, tables)
    following = script_at(codes, after, 0, stop, tables)
    ends = False
    if following == HAN and not flags_at(codes, after, stop, tables) & NUMERAL:
        range_like = before == HAN and flags_at(codes, i - 1, stop, tables) & (NUMERAL | UNIT)
        low = max(state[START], i - 3)
        long = i - low == 3 and HAN <= script_at(codes, low, 0, stop, tables) <= DIGIT
        ends = before == DIGIT or (long and not range_like)
    if before == HAN and following != DIGIT and following != COMMA:
        particle = flags_at(codes, i - 1, stop, tables) & PARTICLE
        apart = following in (SPACE, LINE_END, FACE)
        apart = apart or codes[after] == 0x40 or codes[after] == 0x23  # @ #
        ends = ends or after - i > 1 or particle != 0 or apart
    if ends:
        mark_end(state, WEAK, i, after)
    return after


@part
def laughter(codes: Codes, i: int, stop: int, tables: Tables, state: State) -> int:
    """笑死我了哈哈哈 ends where the laughter does; 哈哈大笑 is a word."""
    wide = codes[i] >= 0x80
    after = i + 1
    while after < stop and class_at(codes, after, tables) == LAUGH and (codes[after] >= 0x80) == wide:
        after += 1
    run = after - i
    before = script_at(codes, i - 1, state[START], stop, tables)
    following = script_at(codes, after, 0, stop, tables)
    loud = run >= 3 and (wide or (before == HAN and following != LATIN))
    loud = loud and (after >= stop or codes[after] != TO_LAUGH)
    if run == 2 and wide and before == HAN:
        word = flags_at(codes, after, stop, tables) & AFTER_LAUGH
        loud = not word and flags_at(codes, i - 1, stop, tables) & (PARTICLE | BEFORE_LAUGH) == PARTICLE
    ends = loud and state[LETTERS] >= 3 and (HAN <= before <= DIGIT or before == FACE)
    state[LETTERS] += run
    if ends:
        mark_end(state, WEAK, i, after)
    return after


@part
def face(codes: Codes, i: int, stop: int, kind: int, tables: Tables, state: State) -> None:
    """An emoji behind a clause ends it; the one that began the sentence begins another."""
    if state[PENDING]:
        state[AFTER] = i + 1
    elif kind == FACE and state[LETTERS] >= 3:
        first = skip_spaces(codes, state[START], stop, tables)
        letter = HAN <= script_at(codes, i + 1, 0, stop, tables) <= DIGIT
        bullet = codes[first] == codes[i] or (letter and class_at(codes, i - 1, tables) == SPACE)
        mark_end(state, WEAK, i, i if bullet else i + 1)


@part
def gap_ends(codes: Codes, i: int, following: int, stop: int, tables: Tables, state: State) -> bool:
    """Whether a run of spaces stands where a mark is missing: 好累啊 不想动 明天再说."""
    low = state[START]
    if i < state[QUIET] or state[LETTERS] < 3:
        return False
    if (
        script_at(codes, i - 1, low, stop, tables) != HAN
        or script_at(codes, following, low, stop, tables) != HAN
    ):
        return False
    left, right = 1, 1
    while left < 4 and HAN <= script_at(codes, i - 1 - left, low, stop, tables) <= DIGIT:
        left += 1
    while right < 3 and HAN <= script_at(codes, following + right, low, stop, tables) <= DIGIT:
        right += 1
    first = skip_spaces(codes, low, stop, tables)
    if codes[first] == ORDINAL and i - first < 10 and flags_at(codes, i - 1, stop, tables) & LABEL_END:
        return False
    if following - i > 1 or codes[i] == 0x3000 or codes[i] == 0x09:
        return left > 1 and right > 1 and state[LETTERS] > 3
    if left < 3 or right < 3:
        return False
    facts = _line_facts(codes, stop, tables, state)
    closes = left > 3 and flags_at(codes, i - 1, stop, tables) & CLOSES_CLAUSE and not facts & HAS_COMMA
    return closes or facts & RUN_ON != 0


@part
def _line_facts(codes: Codes, stop: int, tables: Tables, state: State) -> int:
    """Whether the line has commas, and whether it is made of clauses with spaces between them alone."""
    if state[FACTS]:
        return state[FACTS]
    facts, gaps, stretch, shortest = KNOWN, 0, 0, 99
    i = state[LINE]
    while i < stop:
        kind = script_at(codes, i, 0, stop, tables)
        if kind == LINE_END:
            break
        if kind == SPACE:
            if stretch:
                following = script_at(codes, skip_spaces(codes, i, stop, tables), 0, stop, tables)
                gaps += script_at(codes, i - 1, 0, stop, tables) == HAN and following == HAN
                shortest = min(shortest, stretch)
            stretch = 0
        else:
            stretch += 1
            facts |= HAS_COMMA if kind in (COMMA, SEMICOLON, STOP) else 0
        i += 1
    shortest = min(shortest, stretch) if stretch else shortest
    if gaps >= 2 and shortest >= 3 and not facts & HAS_COMMA:
        facts |= RUN_ON
    state[FACTS] = facts
    return facts
