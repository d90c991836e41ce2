"""The WordPiece tokenizer of the ``tokenizers`` library, set up with BERT's rules."""

from __future__ import annotations

import unicodedata
from functools import cache, lru_cache

import numpy as np
import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers
from tokenizers.models import WordPiece

from roformer_sim.text.characters import (
    ACCENT,
    DROPPED,
    SPACE,
    STANDALONE,
    changing_letters,
    character_kinds,
    regex_class,
    unassigned,
)
from roformer_sim.text.vocabulary import Vocabulary

LONGEST_WORD = 200
"""A longer word is [UNK], as in bert4keras and in Google's BERT."""


def build_backend(vocabulary: Vocabulary, *, do_lower_case: bool) -> tokenizers.Tokenizer:
    """A ``tokenizers.Tokenizer``: normaliser, pre-tokeniser and WordPiece, without special tokens.

    ``[CLS]`` written in a text is four ordinary tokens and no special one, as in bert4keras. The character
    classes are those of the running Python (:mod:`roformer_sim.text.characters`), not the library's own.
    """
    model = WordPiece(vocabulary.ids, unk_token="[UNK]", max_input_chars_per_word=LONGEST_WORD)
    backend = tokenizers.Tokenizer(model)
    backend.normalizer = _normalizer(do_lower_case, _unused_character(vocabulary))
    backend.pre_tokenizer = _pre_tokenizer()
    return backend


def _normalizer(do_lower_case: bool, unknown: str) -> normalizers.Normalizer:
    if not do_lower_case:
        return normalizers.Sequence([normalizers.Replace(_any_of(DROPPED), "")])
    newer = letters_of_another_unicode()
    steps: list[normalizers.Normalizer] = []
    if newer:
        steps.append(normalizers.Replace(Regex(regex_class(np.array(newer))), unknown))
    steps += [normalizers.Lowercase(), normalizers.NFD(), normalizers.Replace(_any_of(DROPPED, ACCENT), "")]
    return normalizers.Sequence(steps)


@lru_cache(maxsize=1)
def _pre_tokenizer() -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(_any_of(SPACE), "removed"),
            pre_tokenizers.Split(_any_of(STANDALONE), "isolated"),
        ]
    )


@cache
def _any_of(*kinds: int) -> Regex:
    return Regex(regex_class(np.flatnonzero(np.isin(character_kinds(), kinds))))


@lru_cache(maxsize=1)
def letters_of_another_unicode() -> list[int]:
    """The letters that the library's Unicode tables lower-case or decompose otherwise than Python's.

    Under Python 3.11 (Unicode 14) these are 56 letters added to Unicode since. Such a letter counts as
    unknown, which is what bert4keras makes of it with any vocabulary that does not list it.
    """
    rust = normalizers.Sequence([normalizers.Lowercase(), normalizers.NFD()])
    codes = sorted({*changing_letters(), *unassigned()})
    letters = list(map(chr, codes))
    normals = rust.normalize_str("\n".join(letters)).split("\n")
    return [
        code
        for code, letter, normal in zip(codes, letters, normals, strict=True)
        if normal != unicodedata.normalize("NFD", letter.lower())
    ]


def _unused_character(vocabulary: Vocabulary) -> str:
    """A private-use character that no token holds, so that its word is [UNK]."""
    alphabet = {character for token in vocabulary for character in token}
    return next(c for c in map(chr, range(0xE000, 0xF900)) if c not in alphabet)
