"""What each Unicode character is to the tokenizer.

The rules are those of Google's BERT as bert4keras states them, decided by the ``unicodedata`` of the running
Python (Unicode 14 in Python 3.11), so that a text has the ids bert4keras gives under the same interpreter:

* **stand-alone**: punctuation (the ASCII symbols and every category ``P*``) and the CJK ideographs; each is a
  word of its own;
* **space**: tab, line feed, carriage return, category ``Zs``, and the two separators ``Zl`` and ``Zp``;
* **dropped**: NUL, U+FFFD, categories ``Cc`` and ``Cf``; a lone surrogate counts as U+FFFD;
* everything else is part of a word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

import numpy as np

WORD, SPACE, ACCENT, DROPPED, STANDALONE = -1, -2, -3, -4, -5
"""What a character is. ``ACCENT`` (category ``Mn``) matters only where text is lower-cased."""

CODE_POINTS = 0x110000
# The blocks of ideographs BERT sets apart. Extensions F to I came later and belong to words.
CJK_RANGES = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)
# Where characters differ from one another. Left out are ideographs, Hangul, surrogates, private use and the
# planes that are empty: all plain word characters.
_VARIED = (
    *range(0x3400),
    *range(0xA000, 0xAC00),
    *range(0xD7A4, 0xD800),
    *range(0xF900, 0x20000),
    *range(0x2F800, 0x2FA20),
    *range(0xE0000, 0xE1000),
)
_KIND_OF_CATEGORY = {"Mn": ACCENT, "Cc": DROPPED, "Cf": DROPPED} | dict.fromkeys(("Zs", "Zl", "Zp"), SPACE)
_SURROGATE = re.compile("[\ud800-\udfff]")


def is_cjk(character: str) -> bool:
    """Whether ``character`` is an ideograph that BERT sets apart: true for ``中``, false for ``ア``."""
    code = ord(character)
    return code >= 0x3400 and any(low <= code <= high for low, high in CJK_RANGES)


def is_punctuation(character: str) -> bool:
    """Whether ``character`` is punctuation: every ASCII symbol (``+`` too) and category ``P*`` (``。``)."""
    if character < "\x80":
        return "!" <= character <= "~" and not character.isalnum()
    return unicodedata.category(character)[0] == "P"


def replace_surrogates(text: str) -> str:
    """Write U+FFFD for every lone surrogate, which no UTF-8 and no Rust string can hold."""
    return _SURROGATE.sub("\ufffd", text)


@lru_cache(maxsize=1)
def character_kinds() -> np.ndarray:
    """What each code point is by the running Python's tables; int8 (1114112,), once a process."""
    kinds = np.full(CODE_POINTS, WORD, np.int8)
    kinds[list(_VARIED)] = [
        STANDALONE if category[0] == "P" else _KIND_OF_CATEGORY.get(category, WORD)
        for category in map(unicodedata.category, map(chr, _VARIED))
    ]
    for low, high in CJK_RANGES:
        kinds[low : high + 1] = STANDALONE
    for character in "\t\n\r":
        kinds[ord(character)] = SPACE
    kinds[0xFFFD] = DROPPED
    for code in range(0x80):
        if is_punctuation(chr(code)):
            kinds[code] = STANDALONE
    kinds.setflags(write=False)
    return kinds


def normalize(text: str, *, do_lower_case: bool = True) -> str:
    """Lower-case ``text``, decompose it (NFD) and take accents (``Mn``) off: ``Café`` -> ``cafe``.

    Without ``do_lower_case`` only lone surrogates are replaced. Lower-casing is that of ``str.lower``, which
    knows the Greek final sigma: ``ΟΔΟΣ`` -> ``οδος``.
    """
    text = replace_surrogates(text)
    if not do_lower_case or not text:
        return text
    decomposed = unicodedata.normalize("NFD", text.lower())
    return decomposed if decomposed.isascii() else decomposed.translate(_of_kind(ACCENT))


def without_dropped(text: str) -> str:
    """Take the characters out that vanish within words: control characters, NUL, U+FFFD."""
    return text.translate(_of_kind(DROPPED))


def lower_sigma(text: str) -> str:
    """Write each capital sigma of ``text`` as ``σ``, or ``ς`` at a word's end, and change nothing else.

    Rust's lower-casing looks at one character at a time and cannot know where a word ends.
    """
    # U+0130 is the one character that str.lower makes longer; "i" has the same part in the rule of sigma.
    lowered = text.replace("\u0130", "i").lower()
    return "".join(small if big == "Σ" else big for big, small in zip(text, lowered, strict=True))


@lru_cache(maxsize=2)
def standalone_table(do_lower_case: bool) -> np.ndarray:
    """For each code point the code of the stand-alone character it becomes, or ``WORD`` or ``SPACE``.

    Returns:
        int32 array (1114112,). ``table[ord("，")] == ord("，")``; ``table[ord("≠")] == ord("=")``, since NFD
        takes the stroke off; ``table[ord("a")] == WORD``, and so is what vanishes within a word.
    """
    kinds = character_kinds()
    table = np.where(kinds == STANDALONE, np.arange(CODE_POINTS, dtype=np.int32), WORD)
    table[kinds == SPACE] = SPACE
    if do_lower_case:
        for code in changing_letters():
            normal = normalize(chr(code))
            # Anything but one clear character is left to the Rust tokenizer as part of a word.
            table[code] = table[ord(normal)] if len(normal) == 1 else WORD
    table.setflags(write=False)
    return table


@lru_cache(maxsize=1)
def changing_letters() -> list[int]:
    """Code points that lower-casing or NFD changes, but for Hangul syllables."""
    return [
        code
        for code in _VARIED
        if (character := chr(code)).lower() != character or unicodedata.decomposition(character)
    ]


@lru_cache(maxsize=1)
def unassigned() -> list[int]:
    """Code points without a meaning in the running Python's Unicode version, where letters may be added."""
    return [code for code in _VARIED if code < 0x20000 and unicodedata.category(chr(code)) == "Cn"]


def regex_class(codes: np.ndarray) -> str:
    """An Oniguruma character class of rising code points: 97, 98, 100 -> ``[\\x{61}-\\x{62}\\x{64}]``."""
    ranges = (
        f"\\x{{{low:x}}}" if low == high else f"\\x{{{low:x}}}-\\x{{{high:x}}}"
        for low, high in _ranges(codes)
    )
    return f"[{''.join(ranges)}]"


def _ranges(codes: np.ndarray) -> Iterator[tuple[int, int]]:
    gaps = np.flatnonzero(np.diff(codes) > 1)
    lows = codes[np.append(0, gaps + 1)]
    highs = codes[np.append(gaps, len(codes) - 1)]
    yield from zip(lows.tolist(), highs.tolist(), strict=True)


@lru_cache(maxsize=2)
def _of_kind(kind: int) -> dict[int, None]:
    return dict.fromkeys(np.flatnonzero(character_kinds() == kind).tolist())
