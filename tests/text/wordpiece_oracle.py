"""The stated rules of the tokenizer in plain Python, one character at a time, to compare with."""

from __future__ import annotations

import unicodedata

LONGEST_WORD = 200
IDEOGRAPHS = [
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0x2F800, 0x2FA1F),
]


def read(text: str) -> str:
    """``text`` as it is tokenized: surrogates to U+FFFD, lower case, decomposed, accents off."""
    text = "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)
    return "".join(c for c in unicodedata.normalize("NFD", text.lower()) if unicodedata.category(c) != "Mn")


def words(text: str) -> list[str]:
    """The words of a text as read: stand-alone characters, and what is between them and the spaces."""
    found = [""]
    for c in text:
        code, category = ord(c), unicodedata.category(c)
        ascii_symbol = code < 128 and c.isprintable() and not c.isalnum() and c != " "
        if ascii_symbol or category[0] == "P" or any(a <= code <= b for a, b in IDEOGRAPHS):
            found += [c, ""]
        elif c in "\t\n\r" or category[0] == "Z":
            found.append("")
        elif category not in ("Cc", "Cf") and c != "\ufffd":
            found[-1] += c
    return [word for word in found if word]


def word_ids(word: str, vocabulary: dict[str, int]) -> list[int]:
    """Longest pieces first; [UNK] as a whole where no pieces make up the word."""
    ids: list[int] = []
    rest = word
    while rest and len(word) <= LONGEST_WORD:
        lead = "##" if ids else ""
        sizes = [size for size in range(len(rest), 0, -1) if lead + rest[:size] in vocabulary]
        if not sizes:
            break
        ids.append(vocabulary[lead + rest[: sizes[0]]])
        rest = rest[sizes[0] :]
    return [vocabulary["[UNK]"]] if rest else ids


def ids(text: str, vocabulary: dict[str, int]) -> list[int]:
    """Ids of ``[CLS] text [SEP]``."""
    inner = [i for word in words(read(text)) for i in word_ids(word, vocabulary)]
    return [vocabulary["[CLS]"], *inner, vocabulary["[SEP]"]]


def cut_longest_first(first: list[int], second: list[int], maxlen: int) -> tuple[list[int], list[int]]:
    """Take single tokens from the end of the longer side, the first side if they are equally long."""
    first, second = list(first), list(second)
    while len(first) + len(second) + 3 > maxlen:
        (first if len(first) >= len(second) else second).pop()
    return first, second
