"""Where sentences end, on code points: the compiled half of :mod:`corpus_builder.segmentation`.

One pass over the characters. Letters are skipped in a tight loop; every other character is an event. A mark that
may end a sentence makes an end *pending*; marks, closing quotes and brackets, emoji and references behind it
are taken along, and at the first character that is none of these ``_ends`` decides. What is looked up
around a character (the other half of a quote, the verb of speech behind it) lies in the same line and within
a fixed reach, so time is linear whatever the text.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from corpus_builder.kernels.compiling import compiled
from corpus_builder.kernels.texts import Codes, Offsets

# Classes of characters. The first five are letters and digits; HAN stands for all that is written without spaces.
OTHER, HAN, LATIN, DIGIT, LAUGH, SPACE, LINE_END, STOP, ASK, NARROW_ASK, SEMICOLON, ELLIPSIS, DOT = range(13)
TILDE, FACE, JOINER, COMMA, OPEN_QUOTE, CLOSE_QUOTE, STRAIGHT_QUOTE = range(13, 20)
OPEN_BRACKET, CLOSE_BRACKET, OPEN_TITLE, CLOSE_TITLE = range(20, 24)

# Flags of function characters.
SAYS, GOES_ON, PARTICLE, PRONOUN, HESITATES, SUMS_UP, NUMERAL = 1, 2, 4, 8, 16, 32, 64
LABEL_END, AFTER_LAUGH, BEFORE_LAUGH, CLOSES_CLAUSE = 128, 256, 512, 1024

# Where each value of the running state lies in its array.
_START, _LETTERS, _PENDING, _MARK, _AFTER, _CLOSED, _QUIET, _DEPTH, _LINE, _FACTS = range(10)
# How sure a pending end is.
_WEAK, _TRAILING, _ASKED, _FULL = 1, 2, 3, 4
# How a quote or bracket began: at the start of a sentence, after a colon or comma, within a clause, after 说.
_AT_START, _INTRODUCED, _WITHIN, _SAID, _ASIDE, _WHOLE, _TITLE = 1, 2, 3, 4, 5, 6, 7
# Facts about a line, found when first asked for.
_KNOWN, _HAS_COMMA, _HAS_STOP, _RUN_ON = 1, 2, 4, 8

_DEEPEST = 8
_QUOTE_REACH, _STRAIGHT_REACH, _BRACKET_REACH, _TITLE_REACH, _TAG_REACH = 40, 300, 100, 60, 24
_DE, _COMMA_OF_LISTS, _DASH, _ORDINAL = 0x7684, 0x3001, 0x2014, 0x7B2C  # 的 、 — 第

Spans = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]


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
    from corpus_builder.kernels.sentence_characters import tables

    return _spans(_frozen(codes, np.uint32), _frozen(offsets, np.int64), *tables())


def _frozen(array: npt.NDArray, kind: type) -> npt.NDArray:
    """Read-only and contiguous, so that one machine code serves all callers."""
    view = np.ascontiguousarray(array, kind).view()
    view.flags.writeable = False
    return view


@compiled
def _spans(codes, offsets, classes, words, says, says_not, abbreviations):  # type: ignore[no-untyped-def]
    capacity = len(codes) // 16 + len(offsets) + 16
    spans = np.empty((3, capacity), np.int64)
    state, stack = np.zeros(10, np.int64), np.zeros((3, _DEEPEST), np.int64)
    count = 0
    for text in range(len(offsets) - 1):
        i, stop = offsets[text], offsets[text + 1]
        _begin_line(state, i)
        in_line = count
        while True:
            kind = LINE_END if i >= stop else _kind(codes, i, classes)
            if state[_PENDING] and not _belongs(codes, i, stop, kind, classes, state, stack):
                cut = _ends(codes, i, stop, classes, words, says, says_not, state)
                state[_PENDING] = 0
                if cut:
                    count = _add(spans, count, in_line, codes, state[_AFTER], text, classes, state)
                    state[_START], state[_LETTERS] = state[_AFTER], 0
            if kind == LINE_END:
                count = _add(spans, count, in_line, codes, i, text, classes, state)
                if i >= stop:
                    break
                i += 1
                _begin_line(state, i)
                in_line = count
            elif HAN <= kind <= DIGIT:
                begin = i
                i += 1
                while i < stop and codes[i] < 0x10000 and HAN <= classes[codes[i]] <= DIGIT:
                    i += 1
                state[_LETTERS] += i - begin
            elif kind == COMMA or kind == OTHER:
                i += 1
            else:
                i = _event(codes, i, stop, kind, classes, words, abbreviations, state, stack)
            if count == spans.shape[1]:
                grown = np.empty((3, 2 * count), np.int64)
                grown[:, :count] = spans
                spans = grown
    return spans[0, :count].copy(), spans[1, :count].copy(), spans[2, :count].copy()


@compiled
def _begin_line(state, i):  # type: ignore[no-untyped-def]
    state[:] = 0
    state[_START] = state[_LINE] = i


@compiled
def _add(spans, count, in_line, codes, end, text, classes, state):  # type: ignore[no-untyped-def]
    """Write a sentence, white space taken off; marks alone join the sentence before them in the line."""
    start = _skip_spaces(codes, state[_START], end, classes)
    while end > start and _kind(codes, end - 1, classes) == SPACE:
        end -= 1
    if start >= end:
        return count
    if state[_LETTERS] == 0 and count > in_line and _kind(codes, start, classes) != OPEN_QUOTE:
        spans[1, count - 1] = end
        return count
    spans[0, count], spans[1, count], spans[2, count] = start, end, text
    return count + 1


@compiled
def _kind(codes, i, classes):  # type: ignore[no-untyped-def]
    code = codes[i]
    if code < 0x10000:
        return np.int64(classes[code])
    if 0x1F1E6 <= code <= 0x1FAFF or 0x1F000 <= code < 0x1F100:
        return OTHER if 0x1F446 <= code <= 0x1F449 else FACE  # a pointing hand introduces what follows
    return HAN if 0x20000 <= code < 0x40000 else OTHER


@compiled
def _script(codes, i, low, stop, classes):  # type: ignore[no-untyped-def]
    """The class, laughter counted as the letters it is written in; LINE_END beyond the line."""
    if i < low or i >= stop:
        return LINE_END
    kind = _kind(codes, i, classes)
    if kind == LAUGH:
        return LATIN if codes[i] < 0x80 else HAN
    return kind


@compiled
def _flags(codes, i, stop, words):  # type: ignore[no-untyped-def]
    return np.int64(words[codes[i]]) if i < stop and codes[i] < 0x10000 else 0


@compiled
def _skip_spaces(codes, i, stop, classes):  # type: ignore[no-untyped-def]
    while i < stop and _kind(codes, i, classes) == SPACE:
        i += 1
    return i


@compiled
def _narrow(code):  # type: ignore[no-untyped-def]
    return np.int64(code) - 0xFEE0 if 0xFF01 <= code <= 0xFF5E else np.int64(code)


@compiled
def _closer(code):  # type: ignore[no-untyped-def]
    """The other half of an opening quote or bracket, both in their narrow form."""
    if code == 0x22 or code == 0x27:
        return code
    return code + 2 if code == 0x5B else code + 1


@compiled
def _find_closing(codes, i, stop, reach, classes):  # type: ignore[no-untyped-def]
    """Where the quote or bracket opened at ``i`` closes in its line; -1 if not within reach."""
    opener = _narrow(codes[i])
    wanted = _closer(opener)
    depth = 0
    for p in range(i + 1, min(stop, i + 1 + reach)):
        code = _narrow(codes[p])
        if code == wanted:
            apostrophe = code == 0x27 and _script(codes, p + 1, 0, stop, classes) == LATIN
            if depth == 0 and not apostrophe:
                return p
            depth -= 0 if apostrophe else 1
        elif code == opener:
            depth += 1
        elif _kind(codes, p, classes) == LINE_END:
            return -1
    return -1


@compiled
def _mark(state, strength, begin, after):  # type: ignore[no-untyped-def]
    """A mark makes an end pending, or a pending one surer."""
    if state[_PENDING] == 0:
        state[_MARK], state[_CLOSED] = begin, 0
    if strength > _WEAK:
        state[_CLOSED] = 0
    state[_PENDING] = max(state[_PENDING], strength)
    state[_AFTER] = after


@compiled
def _belongs(codes, i, stop, kind, classes, state, stack):  # type: ignore[no-untyped-def]
    """Whether the character still belongs to the end that is pending."""
    if STOP <= kind <= ELLIPSIS or kind == FACE or kind == JOINER:
        return True
    if kind == CLOSE_QUOTE or kind == CLOSE_BRACKET or kind == CLOSE_TITLE:
        return True
    if kind == STRAIGHT_QUOTE:
        return _opened(codes, i, state, stack) >= 0
    if kind == DOT or kind == TILDE:
        following = _script(codes, i + 1, 0, stop, classes)
        return following != LATIN and following != DIGIT
    return kind == OPEN_BRACKET and _reference(codes, i, stop, classes) > 0


@compiled
def _reference(codes, i, stop, classes):  # type: ignore[no-untyped-def]
    """End of a reference or a named emoji, [12] [鼓掌], else 0."""
    if codes[i] != 0x5B:
        return 0
    for p in range(i + 1, min(stop, i + 5)):
        if codes[p] == 0x5D:
            return p + 1 if p > i + 1 else 0
        if not HAN <= _kind(codes, p, classes) <= LAUGH:
            return 0
    return 0


@compiled
def _event(codes, i, stop, kind, classes, words, abbreviations, state, stack):  # type: ignore[no-untyped-def]
    """Act on a character that is neither letter nor comma; where to go on."""
    if kind == STOP:
        _mark(state, _FULL, i, i + 1)
    elif kind == ASK:
        _mark(state, _ASKED, i, i + 1)
    elif kind == ELLIPSIS:
        _mark(state, _TRAILING, i, i + 1)
    elif kind == SEMICOLON:
        if _semicolon_ends(codes, i, stop, classes, state):
            _mark(state, _FULL, i, i + 1)
    elif kind == NARROW_ASK:
        if state[_PENDING] or _narrow_mark_asks(codes, i, stop, classes, state):
            _mark(state, _ASKED, i, i + 1)
    elif kind == SPACE:
        following = _skip_spaces(codes, i, stop, classes)
        if _gap_ends(codes, i, following, stop, classes, words, state):
            _mark(state, _WEAK, i, i)
        return following
    elif kind == DOT:
        return _dots(codes, i, stop, classes, words, abbreviations, state)
    elif kind == TILDE:
        return _tilde(codes, i, stop, classes, words, state)
    elif kind == LAUGH:
        return _laughter(codes, i, stop, classes, words, state)
    elif kind == FACE or kind == JOINER:
        _face(codes, i, stop, kind, classes, state)
    else:
        return _bracketing(codes, i, stop, kind, classes, words, state, stack)
    return i + 1


# ---- quotes and brackets ----------------------------------------------------------------------------------


@compiled
def _bracketing(codes, i, stop, kind, classes, words, state, stack):  # type: ignore[no-untyped-def]
    """Quotes, brackets and titles: remember what opens, see what closes."""
    if kind == CLOSE_QUOTE or kind == CLOSE_BRACKET or kind == CLOSE_TITLE:
        _close(codes, i, kind, state, stack)
    elif kind == STRAIGHT_QUOTE:
        if _opened(codes, i, state, stack) >= 0:
            _close(codes, i, kind, state, stack)
        elif _script(codes, i - 1, state[_LINE], stop, classes) != LATIN or codes[i] != 0x27:
            _open_quote(codes, i, stop, _STRAIGHT_REACH, classes, words, state, stack)
    elif kind == OPEN_QUOTE:
        _open_quote(codes, i, stop, _QUOTE_REACH, classes, words, state, stack)
    elif state[_PENDING]:  # the decision let it through: a reference
        state[_AFTER] = _reference(codes, i, stop, classes)
        return state[_AFTER]
    elif kind == OPEN_BRACKET and state[_LETTERS] == 0:
        _push(codes, i, -1, _WHOLE, state, stack)
    else:
        reach = _BRACKET_REACH if kind == OPEN_BRACKET else _TITLE_REACH
        closing = _find_closing(codes, i, stop, reach, classes)
        if closing >= 0:
            state[_QUIET] = max(state[_QUIET], closing + 1)
            _push(codes, i, closing, _ASIDE if kind == OPEN_BRACKET else _TITLE, state, stack)
    return i + 1


@compiled
def _open_quote(codes, i, stop, reach, classes, words, state, stack):  # type: ignore[no-untyped-def]
    closing = _find_closing(codes, i, stop, reach, classes)
    straight = reach == _STRAIGHT_REACH
    if straight and closing < 0:
        return
    before = i - 1
    while before > state[_START] and _kind(codes, before, classes) == SPACE:
        before -= 1
    previous = _kind(codes, before, classes) if before >= state[_START] else LINE_END
    manner = _WITHIN
    if state[_LETTERS] == 0 or previous == DOT:
        manner = _AT_START
    elif (previous == COMMA and codes[before] != _COMMA_OF_LISTS) or codes[before] == _DASH:
        manner = _INTRODUCED
    elif _flags(codes, before, stop, words) & SAYS:
        manner = _SAID
    short = 0 <= closing - i <= _QUOTE_REACH
    if short and manner == _AT_START:
        # “为什么？凭什么？”是他的口头禅: the quote is a part of the sentence.
        follows = _flags(codes, closing + 1, stop, words) & GOES_ON
        if _kind(codes, closing - 1, classes) != STOP and follows:
            manner = _WITHIN
    if short and (manner == _WITHIN or manner == _SAID):
        state[_QUIET] = max(state[_QUIET], closing + 1)
    _push(codes, i, closing if straight else -1, manner, state, stack)


@compiled
def _push(codes, i, closing, manner, state, stack):  # type: ignore[no-untyped-def]
    if state[_DEPTH] == _DEEPEST:  # the oldest were never closed
        stack[:, : _DEEPEST - 1] = stack[:, 1:].copy()
        state[_DEPTH] -= 1
    depth = state[_DEPTH]
    stack[0, depth], stack[1, depth], stack[2, depth] = _narrow(codes[i]), closing, manner
    state[_DEPTH] += 1


@compiled
def _opened(codes, i, state, stack):  # type: ignore[no-untyped-def]
    """Which open quote or bracket the character closes, the innermost first; -1 for none."""
    code = _narrow(codes[i])
    for depth in range(state[_DEPTH] - 1, -1, -1):
        if _closer(stack[0, depth]) == code and (code != stack[0, depth] or stack[1, depth] == i):
            return depth
    return -1


@compiled
def _close(codes, i, kind, state, stack):  # type: ignore[no-untyped-def]
    depth = _opened(codes, i, state, stack)
    if depth >= 0:
        state[_DEPTH] = depth
    if state[_PENDING]:
        state[_AFTER] = i + 1
        if depth >= 0:
            state[_CLOSED] = stack[2, depth]
        elif kind == CLOSE_QUOTE:
            state[_CLOSED] = _INTRODUCED


# ---- is this mark an end? ---------------------------------------------------------------------------------


@compiled
def _semicolon_ends(codes, i, stop, classes, state):  # type: ignore[no-untyped-def]
    """Between clauses yes; in 3；5 , i = 0; i < n , &nbsp; and ;) no."""
    before = _script(codes, i - 1, state[_LINE], stop, classes)
    after = _script(codes, i + 1, 0, stop, classes)
    if codes[i] != 0x3B:
        return not (before == DIGIT and after == DIGIT)
    p = i - 1
    while p > state[_LINE] and i - p < 9 and LATIN <= _script(codes, p, 0, stop, classes) <= DIGIT:
        p -= 1
    if p >= state[_LINE] and codes[p] == 0x26:
        return False
    if before == HAN or (CLOSE_QUOTE <= before <= CLOSE_TITLE and codes[i - 1] >= 0x80):
        return not (i + 1 < stop and (codes[i + 1] == 0x29 or codes[i + 1] == 0x2D))
    return _script(codes, _skip_spaces(codes, i + 1, stop, classes), 0, stop, classes) == HAN


@compiled
def _narrow_mark_asks(codes, i, stop, classes, state):  # type: ignore[no-untyped-def]
    """Whether ! or ? is a mark of the sentence, not of a program or an address."""
    low = state[_LINE]
    before = _script(codes, i - 1, low, stop, classes)
    after = i + 1
    while after < stop and ASK <= _kind(codes, after, classes) <= NARROW_ASK:
        after += 1
    following = _script(codes, after, low, stop, classes)
    if before == SPACE:
        p = i - 1
        while p > low and _kind(codes, p, classes) == SPACE:
            p -= 1
        before = _script(codes, p, low, stop, classes)
        if before != HAN or following == LATIN or following == DIGIT:
            return False
    if before == LINE_END:
        return False
    if following == LINE_END or codes[after] >= 0x80:
        return True
    if codes[after] == 0x3D or codes[after] == 0x5B:  # != ![
        return False
    if before == HAN or CLOSE_QUOTE <= before <= CLOSE_TITLE:
        return True
    in_word = following == LATIN or following == DIGIT or following == OTHER or following == DOT
    return not (in_word or following == OPEN_BRACKET)


@compiled
def _dots(codes, i, stop, classes, words, abbreviations, state):  # type: ignore[no-untyped-def]
    """One full stop, or several that stand for an ellipsis."""
    after = i + 1
    while after < stop and _kind(codes, after, classes) == DOT:
        after += 1
    if state[_PENDING]:
        state[_AFTER] = after
        return after
    before = _script(codes, i - 1, state[_LINE], stop, classes)
    following = _script(codes, after, 0, stop, classes)
    if after == i + 1:
        if _full_stop(codes, i, before, stop, classes, words, abbreviations, state):
            _mark(state, _FULL, i, after)
        return after
    narrow = before == LATIN or before == DIGIT
    in_word = narrow and (following == LATIN or following == DIGIT)
    in_path = after < stop and codes[after] == 0x2F
    closes = CLOSE_QUOTE <= before <= CLOSE_TITLE
    if (HAN <= before <= DIGIT or closes) and not in_word and not in_path:
        _mark(state, _TRAILING, i, after)
    return after


@compiled
def _full_stop(codes, i, before, stop, classes, words, abbreviations, state):  # type: ignore[no-untyped-def]
    """Whether a single . or ． ends a sentence: not in 3.14, index.html, 1. , U.S. , 约翰.史密斯."""
    p = i + 1
    while p < stop and CLOSE_QUOTE <= _kind(codes, p, classes) <= CLOSE_TITLE:
        p += 1
    direct = _script(codes, p, 0, stop, classes)
    p = _skip_spaces(codes, p, stop, classes)
    following = _script(codes, p, 0, stop, classes)
    if direct == LATIN or direct == DIGIT or before == SPACE or before == LINE_END:
        return False
    if following == LINE_END:
        return True
    first = _skip_spaces(codes, state[_START], stop, classes)
    capital = p < stop and 0x41 <= codes[p] <= 0x5A
    begins = following == HAN or capital or following >= OPEN_QUOTE
    if before == DIGIT:
        q = i
        while q > first and i - q < 12 and _number(_kind(codes, q - 1, classes)):
            q -= 1
        return begins and q > first and not (i - q <= 2 and following == HAN)
    if before == LATIN:
        return begins and not _abbreviation(codes, i, first, classes, abbreviations)
    if before == HAN:
        q = i
        while q > first and _flags(codes, q - 1, stop, words) & NUMERAL:
            q -= 1
        if q == first and i - q <= 3:
            return False
        if direct == HAN:
            return not _line_facts(codes, stop, classes, words, state) & _HAS_STOP
    return True


@compiled
def _number(kind):  # type: ignore[no-untyped-def]
    return kind == DIGIT or kind == DOT


@compiled
def _abbreviation(codes, i, first, classes, abbreviations):  # type: ignore[no-untyped-def]
    """Whether the word before a full stop is one letter, letters with stops between them, or in the table."""
    packed, letters, part, inner = 0, 0, 0, 0
    scale = 1
    p = i - 1
    while p >= first and letters < 9:
        code = np.int64(codes[p]) | 0x20
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
    for known in abbreviations:
        if known == packed:
            return True
    return False


@compiled
def _tilde(codes, i, stop, classes, words, state):  # type: ignore[no-untyped-def]
    """在的呀~ ends, 3~5天 and 周一~周五 do not."""
    after = i + 1
    while after < stop and _kind(codes, after, classes) == TILDE:
        after += 1
    if state[_PENDING]:
        state[_AFTER] = after
        return after
    before = _script(codes, i - 1, state[_LINE], stop, classes)
    following = _script(codes, after, 0, stop, classes)
    numerals = _flags(codes, after, stop, words) & NUMERAL
    ends = before == DIGIT and following == HAN and not numerals
    if before == HAN and following != DIGIT and following != COMMA:
        particle = _flags(codes, i - 1, stop, words) & PARTICLE
        apart = following == SPACE or following == LINE_END or following == FACE
        apart = apart or codes[after] == 0x40 or codes[after] == 0x23  # @ #
        ends = after - i > 1 or particle != 0 or apart
    if ends:
        _mark(state, _WEAK, i, after)
    return after


@compiled
def _laughter(codes, i, stop, classes, words, state):  # type: ignore[no-untyped-def]
    """笑死我了哈哈哈 ends where the laughter does; 哈哈大笑 is a word."""
    wide = codes[i] >= 0x80
    after = i + 1
    while after < stop and _kind(codes, after, classes) == LAUGH and (codes[after] >= 0x80) == wide:
        after += 1
    run = after - i
    before = _script(codes, i - 1, state[_START], stop, classes)
    following = _script(codes, after, 0, stop, classes)
    loud = run >= 3 and (wide or (before == HAN and following != LATIN))
    if run == 2 and wide and before == HAN:
        word = _flags(codes, after, stop, words) & AFTER_LAUGH
        loud = not word and _flags(codes, i - 1, stop, words) & (PARTICLE | BEFORE_LAUGH) == PARTICLE
    ends = loud and state[_LETTERS] >= 3 and (HAN <= before <= DIGIT or before == FACE)
    state[_LETTERS] += run
    if ends:
        _mark(state, _WEAK, i, after)
    return after


@compiled
def _face(codes, i, stop, kind, classes, state):  # type: ignore[no-untyped-def]
    """An emoji behind a clause ends it; before a clause, like the one that began the sentence, it begins one."""
    if state[_PENDING]:
        state[_AFTER] = i + 1
    elif kind == FACE and state[_LETTERS] >= 3:
        first = _skip_spaces(codes, state[_START], stop, classes)
        letter = HAN <= _script(codes, i + 1, 0, stop, classes) <= DIGIT
        bullet = codes[first] == codes[i] or (letter and _kind(codes, i - 1, classes) == SPACE)
        _mark(state, _WEAK, i, i if bullet else i + 1)


@compiled
def _gap_ends(codes, i, following, stop, classes, words, state):  # type: ignore[no-untyped-def]
    """Whether a run of spaces stands where a mark is missing: 好累啊 不想动 明天再说."""
    low = state[_START]
    if i < state[_QUIET] or state[_LETTERS] < 4:
        return False
    if _script(codes, i - 1, low, stop, classes) != HAN or _script(codes, following, low, stop, classes) != HAN:
        return False
    left, right = 1, 1
    while left < 4 and HAN <= _script(codes, i - 1 - left, low, stop, classes) <= DIGIT:
        left += 1
    while right < 3 and HAN <= _script(codes, following + right, low, stop, classes) <= DIGIT:
        right += 1
    first = _skip_spaces(codes, low, stop, classes)
    if codes[first] == _ORDINAL and i - first < 10 and _flags(codes, i - 1, stop, words) & LABEL_END:
        return False
    if following - i > 1 or codes[i] == 0x3000 or codes[i] == 0x09:
        return left > 1 and right > 1
    if left < 3 or right < 3:
        return False
    facts = _line_facts(codes, stop, classes, words, state)
    closes = left > 3 and _flags(codes, i - 1, stop, words) & CLOSES_CLAUSE and not facts & _HAS_COMMA
    return closes or facts & _RUN_ON != 0


@compiled
def _line_facts(codes, stop, classes, words, state):  # type: ignore[no-untyped-def]
    """Whether the line has commas, has 。, and is made of clauses with spaces between them alone."""
    if state[_FACTS]:
        return state[_FACTS]
    facts, gaps, stretch, shortest = _KNOWN, 0, 0, 99
    i = state[_LINE]
    while i < stop:
        kind = _script(codes, i, 0, stop, classes)
        if kind == LINE_END:
            break
        if kind == SPACE:
            following = _script(codes, _skip_spaces(codes, i, stop, classes), 0, stop, classes)
            if stretch:
                gaps += _script(codes, i - 1, 0, stop, classes) == HAN and following == HAN
                shortest = min(shortest, stretch)
            stretch = 0
        else:
            stretch += 1
            facts |= _HAS_COMMA if kind == COMMA or kind == SEMICOLON or kind == STOP else 0
            facts |= _HAS_STOP if kind == STOP else 0
        i += 1
    shortest = min(shortest, stretch) if stretch else shortest
    if gaps >= 2 and shortest >= 3 and not facts & _HAS_COMMA:
        facts |= _RUN_ON
    state[_FACTS] = facts
    return facts


# ---- does the sentence end here? --------------------------------------------------------------------------


@compiled
def _ends(codes, i, stop, classes, words, says, says_not, state):  # type: ignore[no-untyped-def]
    """Decide on the pending end at the first character behind all that belongs to it."""
    following = _skip_spaces(codes, i, stop, classes)
    kind = _script(codes, following, 0, stop, classes)
    if i < state[_QUIET] or state[_LETTERS] == 0 or kind == COMMA:
        return False
    if kind == LINE_END:
        return True
    closed, pending = state[_CLOSED], state[_PENDING]
    flags = _flags(codes, following, stop, words)
    goes_on = codes[following] == _DE or (pending != _FULL and flags & GOES_ON != 0)
    if closed == _TITLE:
        return False
    if closed == _WITHIN or closed == _ASIDE:
        return pending == _FULL
    if closed == _SAID:
        return pending == _FULL or flags & PRONOUN != 0
    if closed == _AT_START or closed == _INTRODUCED:
        if kind == OPEN_QUOTE or kind == STRAIGHT_QUOTE:
            return True
        tag = closed == _AT_START and _speech_tag(codes, following, stop, classes, words, says, says_not)
        return not (goes_on or tag)
    if pending == _WEAK:
        return not goes_on
    if pending == _TRAILING or (pending == _FULL and state[_AFTER] - state[_MARK] > 1):
        return _ellipsis_ends(codes, following, kind, classes, words, state)
    return True


@compiled
def _ellipsis_ends(codes, following, kind, classes, words, state):  # type: ignore[no-untyped-def]
    """Whether …… or 。。。 ends: not in 我……我不知道, 苹果、香蕉……都好吃, 那个。。。我想问."""
    if not HAN <= kind <= DIGIT:
        return True
    mark, flags = state[_MARK], np.int64(0)
    begin = mark
    while begin > state[_START] and mark - begin < 6 and HAN <= _kind(codes, begin - 1, classes) <= LAUGH:
        begin -= 1
    if begin == mark:
        return True
    last = words[codes[mark - 1]] if codes[mark - 1] < 0x10000 else flags
    brief = mark - begin <= 2
    if state[_PENDING] == _FULL:
        return not (brief and last & HESITATES)
    flags = np.int64(words[codes[following]]) if codes[following] < 0x10000 else flags
    for p in range(max(state[_START], mark - 20), mark):
        if codes[p] == _COMMA_OF_LISTS:
            return flags & SUMS_UP == 0
    if brief and not last & PARTICLE:
        return False
    if codes[following] == codes[mark - 1] or (mark - begin < 5 and codes[following] == codes[begin]):
        return False
    return codes[following] != _DE


@compiled
def _speech_tag(codes, i, stop, classes, words, says, says_not):  # type: ignore[no-untyped-def]
    """Whether the clause at ``i`` says who spoke: 她问。 小明笑着说， 老周大喊一声，"""
    end = i
    while end < stop and end - i <= _TAG_REACH and HAN <= _kind(codes, end, classes) <= LAUGH:
        end += 1
    if end - i > _TAG_REACH:
        return False
    for p in range(max(i, end - 6), end):
        before = (np.int64(codes[p - 1]) << 16) | np.int64(codes[p])
        after = (np.int64(codes[p]) << 16) | np.int64(codes[p + 1]) if p + 1 < stop else np.int64(0)
        spoken = _flags(codes, p, stop, words) & SAYS != 0
        for pair in says:
            spoken = spoken or (pair == before and p > i)
        for pair in says_not:
            spoken = spoken and pair != before and pair != after
        if spoken:
            return True
    return False
