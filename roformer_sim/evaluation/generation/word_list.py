"""Words that may stand for one another, for the baseline that replaces words."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from corpus_builder.errors import InputError
from corpus_builder.readers import read_lines

Synonyms = Mapping[str, tuple[str, ...]]
"""A word to the words that may replace it."""


def read_word_list(path: str | Path | None = None) -> dict[str, tuple[str, ...]]:
    """Read lines of words that mean the same, with a TAB between: ``怎么<TAB>怎样<TAB>如何``.

    A word that stands in several lines may be replaced by the words of each. Empty lines and lines that start
    with ``#`` are passed over.

    Args:
        path: UTF-8 text, also compressed; ``None`` for the small list that comes with the package, common
            words written for this purpose.

    Raises:
        InputError: The file cannot be read, a line holds fewer than two different words, or there is none.
    """
    if path is None:
        with resources.as_file(resources.files(__package__) / "synonyms_zh.tsv") as shipped:
            return read_word_list(shipped)
    found: dict[str, dict[str, None]] = {}
    for number, line in read_lines(path):
        if not line.strip() or line.startswith("#"):
            continue
        words = [word for word in dict.fromkeys(cell.strip() for cell in line.split("\t")) if word]
        if len(words) < 2:
            raise InputError(
                f"{path}, line {number}: expected words that mean the same with a TAB between, found {line!r}"
            )
        for word in words:
            found.setdefault(word, {}).update(dict.fromkeys(other for other in words if other != word))
    if not found:
        raise InputError(f"{path}: holds no words")
    return {word: tuple(others) for word, others in found.items()}
