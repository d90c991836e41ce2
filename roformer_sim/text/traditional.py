"""Traditional Chinese characters, as OpenCC's dictionaries name them, and how many a vocabulary has."""

from __future__ import annotations

import functools
from collections.abc import Collection
from typing import NamedTuple

from corpus_builder.errors import InputError
from roformer_sim.text.characters import is_cjk

_IDEOGRAPHS = [
    chr(code) for low, high in ((0x4E00, 0x9FFF), (0x3400, 0x4DBF)) for code in range(low, high + 1)
]


class TraditionalCoverage(NamedTuple):
    """How well a vocabulary serves texts in traditional characters.

    Attributes:
        characters: Traditional characters of the Basic Multilingual Plane that OpenCC simplifies.
        known: Of these, those in the vocabulary.
        pairs: Characters of the vocabulary whose usual traditional form is another character.
        known_pairs: Of these, those with such a form in the vocabulary, too.
        missing: The traditional forms that are not, each with its simplified character.
    """

    characters: int
    known: int
    pairs: int
    known_pairs: int
    missing: dict[str, str]


def traditional_coverage(vocabulary: Collection[str]) -> TraditionalCoverage:
    """Count the traditional characters of a vocabulary; ``体`` without ``體`` is missing one.

    Raises:
        InputError: the ``opencc`` extra is not installed.
    """
    traditional, usual = traditional_characters(), usual_traditional_forms()
    pairs = [token for token in vocabulary if token in usual]
    missing = {form: token for token in pairs for form in usual[token] if form not in vocabulary}
    known = sum(1 for character in traditional if character in vocabulary)
    known_pairs = sum(1 for token in pairs if any(form in vocabulary for form in usual[token]))
    return TraditionalCoverage(len(traditional), known, len(pairs), known_pairs, missing)


@functools.cache
def traditional_characters() -> dict[str, str]:
    """Each traditional character with its simplified one, by OpenCC's ``t2s``: ``體`` -> ``体``.

    Raises:
        InputError: the ``opencc`` extra is not installed.
    """
    return _changed("t2s")


@functools.cache
def usual_traditional_forms() -> dict[str, tuple[str, ...]]:
    """Each simplified character with what OpenCC writes for it alone in Taiwan and in Hong Kong.

    ``体`` -> ``("體",)``, ``里`` -> ``("裡", "裏")``; ``发`` -> ``("發",)``, though 头发 is 頭髮.

    Raises:
        InputError: the ``opencc`` extra is not installed.
    """
    taiwan, hong_kong = _changed("s2tw"), _changed("s2hk")
    forms = ((c, (taiwan.get(c, c), hong_kong.get(c, c))) for c in {**taiwan, **hong_kong})
    return {c: tuple(dict.fromkeys(form for form in pair if form != c and is_cjk(form))) for c, pair in forms}


def _changed(direction: str) -> dict[str, str]:
    try:
        from opencc import OpenCC
    except ImportError as error:
        raise InputError(
            "the list of traditional characters is OpenCC's, which is not installed: "
            "pip install 'roformer-sim[opencc]'"
        ) from error
    # One line each, so that no two characters make a phrase.
    converted = OpenCC(direction).convert("\n".join(_IDEOGRAPHS)).split("\n")
    return {a: b for a, b in zip(_IDEOGRAPHS, converted, strict=True) if a != b}
