"""What each Unicode character is to the tokenizer.

The rules are those of Google's BERT as bert4keras states them, decided by the ``unicodedata`` of the running
Python (Unicode 14 in Python 3.11), so that a text gives the same ids as bert4keras under the same interpreter:

* **stand-alone**: punctuation (the ASCII symbols and every category ``P*``) and the CJK ideographs; each is a
  word of its own;
* **space**: tab, line feed, carriage return, category ``Zs``, and what Python's ``str.split`` cuts at;
* **dropped**: NUL, U+FFFD, categories ``Cc`` and ``Cf``; a lone surrogate counts as U+FFFD;
* everything else is part of a word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np

WORD, SPACE = -1, -2
"""Marks in :func:`standalone_table` of characters that are no token by themselves."""

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
# Planes 4 to 13 hold no character and planes 15 and 16 are private use: both are plain word characters.
_SURVEYED = (*range(0xD800), *range(0xE000, 0x40000), *range(0xE0000, 0xE1000))
_SURROGATE = re.compile("[\ud800-\udfff]")


class CharacterClasses(NamedTuple):
    """Sets of characters, after normalisation."""

    standalone: frozenset[str]
    space: frozenset[str]
    dropped: frozenset[str]
    accents: frozenset[str]


def is_cjk(character: str) -> bool:
    """Whether ``character`` is an ideograph that BERT sets apart: ``is_cjk("中")`` is true, ``"ア"`` is not."""
    code = ord(character)
    return code >= 0x3400 and any(low <= code <= high for low, high in CJK_RANGES)


def is_punctuation(character: str) -> bool:
    """Whether ``character`` is punctuation: every ASCII symbol (``$``, ``+`` too) and category ``P*`` (``。``)."""
    if character < "\x80":
        return "!" <= character <= "~" and not character.isalnum()
    return unicodedata.category(character)[0] == "P"


def replace_surrogates(text: str) -> str:
    """Write U+FFFD for every lone surrogate, which no UTF-8 and no Rust string can hold."""
    return _SURROGATE.sub("\ufffd", text)


@lru_cache(maxsize=1)
def character_classes() -> CharacterClasses:
    """The classes of the running Python's Unicode tables (about 30 ms, once a process)."""
    standalone = {chr(code) for low, high in CJK_RANGES for code in range(low, high + 1)}
    space, dropped, accents = set("\t\n\r"), {"\x00", "\ufffd"}, set()
    for character in map(chr, _SURVEYED):
        category = unicodedata.category(character)
        if category[0] == "P":
            standalone.add(character)
        elif category == "Mn":
            accents.add(character)
        elif category in ("Zs", "Zl", "Zp"):
            space.add(character)
        elif category in ("Cc", "Cf") and character not in space:
            dropped.add(character)
    standalone.update(filter(is_punctuation, map(chr, range(0x80))))
    return CharacterClasses(frozenset(standalone), frozenset(space), frozenset(dropped), frozenset(accents))


def normalize(text: str, *, do_lower_case: bool = True) -> str:
    """Lower-case ``text``, decompose it (NFD) and take the accents (category ``Mn``) off: ``Café`` -> ``cafe``.

    Without ``do_lower_case`` only lone surrogates are replaced. Lower-casing is that of ``str.lower``, which
    knows the Greek final sigma: ``ΟΔΟΣ`` -> ``οδος``.
    """
    text = replace_surrogates(text)
    if not do_lower_case:
        return text
    decomposed = unicodedata.normalize("NFD", text.lower())
    return decomposed if decomposed.isascii() else _accent_pattern().sub("", decomposed)


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
        takes the stroke off; ``table[ord("a")] == WORD``.
    """
    classes = character_classes()
    table = np.full(CODE_POINTS, WORD, np.int32)
    for low, high in CJK_RANGES:
        table[low : high + 1] = np.arange(low, high + 1)
    for character in classes.space:
        table[ord(character)] = SPACE
    for character in classes.standalone:
        table[ord(character)] = ord(character)
    if do_lower_case:
        for code in _changed_by_normalization():
            normal = normalize(chr(code))
            # Anything but one clear character is left to the Rust tokenizer as part of a word.
            table[code] = table[ord(normal)] if len(normal) == 1 else WORD
    table.setflags(write=False)
    return table


def regex_class(characters: Iterable[str]) -> str:
    """An Oniguruma character class of exactly these characters: ``"abd"`` -> ``[\\x{61}-\\x{62}\\x{64}]``."""
    parts = (
        f"\\x{{{low:x}}}" if low == high else f"\\x{{{low:x}}}-\\x{{{high:x}}}"
        for low, high in _ranges(sorted(map(ord, characters)))
    )
    return f"[{''.join(parts)}]"


def surveyed_letters() -> str:
    """Every character whose case or decomposition may depend on the Unicode version, one string."""
    classes = character_classes()
    skip = classes.space | classes.dropped | {"Σ"}
    return "".join(c for c in map(chr, range(0x20000)) if c not in skip and not _is_stable(ord(c)))


@lru_cache(maxsize=1)
def _accent_pattern() -> re.Pattern[str]:
    return re.compile("[" + re.escape("".join(sorted(character_classes().accents))) + "]+")


def _changed_by_normalization() -> Iterator[int]:
    for code in _SURVEYED:
        character = chr(code)
        if character.lower() != character or unicodedata.decomposition(character):
            yield code


def _is_stable(code: int) -> bool:
    """Ideographs, Hangul, surrogates and private use: no version of Unicode changes them."""
    return 0x3400 <= code < 0xA000 or 0xAC00 <= code < 0xF900


def _ranges(codes: Iterable[int]) -> Iterator[tuple[int, int]]:
    low = high = -1
    for code in codes:
        if code == high + 1 and low >= 0:
            high = code
            continue
        if low >= 0:
            yield low, high
        low = high = code
    if low >= 0:
        yield low, high
