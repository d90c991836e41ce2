"""Where Chinese sentences end, and how long texts are cut to training length."""

from __future__ import annotations

import re

# What may stand between two sentences, tried from left to right. A URL is consumed whole, so that the `?`
# and `;` inside it end nothing. A full stop ends a sentence only between Chinese and something that is
# neither digit nor Latin letter: 3.14, v2.0 and 表3.1 stay in one piece.
_BOUNDARY = re.compile(
    r"(?P<url>(?:https?://|www\.)[^\s\u3000-\u303f\u3400-\u9fff\uff00-\uffef]+)"
    r"|(?P<line>[\r\n\u2028\u2029]+)"
    r"|(?P<mark>(?:[。！？!?；;…]|(?<=[\u3400-\u9fff）”])[.．](?![.．0-9A-Za-z]))+)"
    r"(?P<close>[”’』」》〉）】〕\])\"']*)"
)
_SPACE = re.compile(r"[\s\u0000-\u001f\u007f-\u009f\u200b\u2060\ufeff]+")
_CUT_MARKS = "\n。！？!?；;，, "
_CUT_STRIP = "；;，, "


def clean_text(text: str) -> str:
    """Runs of white space and control characters (NUL too) become one space, none at the ends."""
    return _SPACE.sub(" ", text).strip()


def split_sentences(text: str) -> list[str]:
    """Cut a text into sentences, end marks and closing quotes or brackets kept with the sentence.

    Sentences end after one or more of ``。！？!?；;…`` and at line ends; not inside URLs or decimals.

    Example:
        >>> split_sentences("他说：“走吧！”我们就走了。价格是3.5元；不贵。")
        ['他说：“走吧！”', '我们就走了。', '价格是3.5元；', '不贵。']
    """
    sentences = []
    start = 0
    for match in _BOUNDARY.finditer(text):
        if match.lastgroup == "url":
            continue
        if match["line"]:
            end, following = match.start(), match.end()
        else:
            end = following = _closing_end(text, start, match)
        sentence = clean_text(text[start:end])
        if sentence:
            sentences.append(sentence)
        start = following
    rest = clean_text(text[start:])
    if rest:
        sentences.append(rest)
    return sentences


def _closing_end(text: str, start: int, match: re.Match[str]) -> int:
    """Where the sentence ends: a straight quote after the mark closes it only if one is open."""
    close = match["close"]
    end = match.start("close")
    for character in close:
        if character in "\"'" and text.count(character, start, end) % 2 == 0:
            break
        end += 1
    return end


def cut_to_length(text: str, maxlen: int) -> list[str]:
    """Pack a long text into pieces of about ``1.2 * maxlen`` characters, as SimBERT's training does.

    The text is cut at the coarsest of the marks ``\\n。！？!?；;，,`` and space that is needed (line
    ends first, spaces last); neighbouring pieces are put together again while they fit. A stretch without
    any mark stays longer: the tokenizer truncates it. Training takes the first piece.

    Example:
        >>> cut_to_length("今天下雨，我们不出门。明天再去公园。", 8)
        ['今天下雨', '我们不出门。', '明天再去公园。']

    Returns:
        The pieces in order, white space and ``；;，,`` taken off their ends; ``[""]`` for an empty text.
    """
    return _pack(text, maxlen * 1.2, _CUT_MARKS)


def _pack(text: str, limit: float, marks: str) -> list[str]:
    text = text.strip().strip(_CUT_STRIP)
    if len(text) <= limit or not marks:
        return [text]
    mark, finer = marks[0], marks[1:]
    parts = text.split(mark)
    # Every part but the last gets its mark back.
    parts = [part + mark for part in parts[:-1]] + parts[-1:]
    pieces: list[str] = []
    packed = ""
    for index, part in enumerate(parts):
        bare = len(part) - (index + 1 < len(parts))
        if packed and bare and len(packed) + bare > limit - 1:
            pieces += _pack(packed, limit, finer)
            packed = ""
        packed += part
    if packed:
        pieces += _pack(packed, limit, finer)
    return pieces
