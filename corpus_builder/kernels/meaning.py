"""The guards on what two sentences say, for pairs by the million; equal to those of :class:`Rules`."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from corpus_builder.kernels.compiling import compiled
from corpus_builder.kernels.hashing import hash_of
from corpus_builder.kernels.index import Ints
from corpus_builder.kernels.selection import Keys
from corpus_builder.kernels.texts import Codes, Offsets, encode_texts
from corpus_builder.rules import (
    DENIALS,
    DENIALS_OF_A_CHOICE,
    FUNCTION_CHARACTERS,
    NO_DENIALS,
    NUMERALS,
    ORDINAL_NUMERALS,
    Rules,
)

MEANING_GUARDS = ("substituted words", "negation", "numbers")
"""Names of the guards, in the order in which they are asked."""

_CODE_POINTS = 0x110000
# What a character is, as bits of one table.
_DIGIT, _NUMERAL, _ORDINAL_NUMERAL, _LATIN = 1, 2, 4, 8
_DENIES, _CHOICE, _BEGINS_NO_DENIAL, _FUNCTION = 16, 32, 64, 128
_ORDINAL = ord("第")

Flags = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


class Features(NamedTuple):
    """What the guards compare, one value for each text; empty where the guard is off.

    Attributes:
        denials: how often a text denies.
        numbers: 64 bits for its numbers and Latin words, in any order.
    """

    denials: Ints
    numbers: Keys


def features_of(codes: Codes, offsets: Offsets, rules: Rules) -> Features:
    """The features of normalised texts that the rules ask for."""
    flags, words, word_ends = _characters()
    no_denials, no_numbers = np.zeros(0, np.int64), np.zeros(0, np.uint64)
    return Features(
        _denials(codes, offsets, flags, words, word_ends) if rules.same_negation else no_denials,
        _numbers(codes, offsets, flags) if rules.same_numbers else no_numbers,
    )


def same_meaning(
    codes: Codes, offsets: Offsets, i: Ints, j: Ints, features: Features, rules: Rules, dropped: Ints
) -> Mask:
    """Which pairs the guards on meaning let through.

    Args:
        codes, offsets: normalised texts.
        i, j: the pairs.
        features: of :func:`features_of` for these texts.
        rules: the guards.
        dropped: three counters, in the order of ``MEANING_GUARDS``, that the pairs left out are added to.
    """
    most = -1 if rules.max_substituted is None else rules.max_substituted
    flags, _, _ = _characters()
    return _same_meaning(
        codes,
        offsets,
        i,
        j,
        most,
        rules.substituted_share,
        features,
        flags,
        np.zeros(_CODE_POINTS, np.int64),
        dropped,
    )


@functools.cache
def _characters() -> tuple[Flags, Codes, Offsets]:
    """What every character is, and the words that deny nothing, laid end to end."""
    flags = np.zeros(_CODE_POINTS, np.uint8)
    digits = [code for code in range(0x20000) if chr(code).isdecimal()]
    kinds: Sequence[tuple[int, Sequence[int]]] = (
        (_DIGIT, digits),
        (_NUMERAL, [*map(ord, NUMERALS)]),
        (_ORDINAL_NUMERAL, [*map(ord, ORDINAL_NUMERALS)]),
        (_LATIN, range(ord("a"), ord("z") + 1)),
        (_DENIES, [*map(ord, DENIALS)]),
        (_CHOICE, [*map(ord, DENIALS_OF_A_CHOICE)]),
        (_BEGINS_NO_DENIAL, [ord(word[0]) for word in NO_DENIALS]),
        (_FUNCTION, [*map(ord, FUNCTION_CHARACTERS)]),
    )
    for bit, codes in kinds:
        flags[np.unique(codes)] |= bit
    return flags, *encode_texts(NO_DENIALS)


@compiled
def _denials(codes: Codes, offsets: Offsets, flags: Flags, words: Codes, word_ends: Offsets) -> Ints:
    """How often each text denies; a place inside A-not-A (有没有) or a word that denies nothing is none."""
    counts = np.zeros(len(offsets) - 1, np.int64)
    for text in range(len(counts)):
        p, end = offsets[text], offsets[text + 1]
        while p < end:
            if p + 2 < end and flags[codes[p + 1]] & _CHOICE and codes[p + 2] == codes[p]:
                p += 3
                continue
            length = 0
            if flags[codes[p]] & _BEGINS_NO_DENIAL:
                length = _word_at(codes, p, end, words, word_ends)
            if length == 0:
                counts[text] += flags[codes[p]] & _DENIES > 0
                length = 1
            p += length
    return counts


@compiled
def _word_at(codes: Codes, p: int, end: int, words: Codes, word_ends: Offsets) -> int:
    """Length of the first of the words that stands at p; 0 where none does."""
    for word in range(len(word_ends) - 1):
        first, length = word_ends[word], word_ends[word + 1] - word_ends[word]
        if p + length > end:
            continue
        k = 0
        while k < length and codes[p + k] == words[first + k]:
            k += 1
        if k == length:
            return int(length)
    return 0


@compiled
def _numbers(codes: Codes, offsets: Offsets, flags: Flags) -> Keys:
    """The sum of the hashes of a text's numbers, and of its Latin words by another measure."""
    sums = np.zeros(len(offsets) - 1, np.uint64)
    latin = np.uint64(0x9FB21C651E98DF25)
    for text in range(len(sums)):
        p, end = offsets[text], offsets[text + 1]
        words_from = p  # Latin words are looked for by themselves: a4 is one, and 4 a number
        while p < end:
            flag = flags[codes[p]]
            q = p
            if flag & _LATIN and p >= words_from:
                q = p + 1
                while q < end and (flags[codes[q]] & _LATIN or ord("0") <= codes[q] <= ord("9")):
                    q += 1
                sums[text] += (hash_of(codes, p, q) ^ latin) * latin
                words_from = q
            q = p
            if flag & _DIGIT:
                while q < end and flags[codes[q]] & _DIGIT:
                    q += 1
            elif codes[p] == _ORDINAL and p + 1 < end and flags[codes[p + 1]] & _ORDINAL_NUMERAL:
                q += 1
                while q < end and flags[codes[q]] & _ORDINAL_NUMERAL:
                    q += 1
            elif flag & _NUMERAL:
                while q < end and flags[codes[q]] & _NUMERAL:
                    q += 1
            if q > p:
                sums[text] += hash_of(codes, p, q)
                p = q
            else:
                p += 1
    return sums


@compiled
def _same_meaning(
    codes: Codes,
    offsets: Offsets,
    i: Ints,
    j: Ints,
    most: int,
    share: float,
    features: Features,
    flags: Flags,
    marks: Ints,
    dropped: Ints,
) -> Mask:
    denials, numbers = features
    same = np.ones(len(i), np.bool_)
    for pair in range(len(i)):
        a, b = i[pair], j[pair]
        if most >= 0 and _substitutes(codes, offsets, a, b, most, share, flags, marks, 4 * (pair + 1)):
            dropped[0] += 1
            same[pair] = False
        elif len(denials) and denials[a] != denials[b]:
            dropped[1] += 1
            same[pair] = False
        elif len(numbers) and numbers[a] != numbers[b]:
            dropped[2] += 1
            same[pair] = False
    return same


@compiled
def _substitutes(
    codes: Codes,
    offsets: Offsets,
    a: int,
    b: int,
    most: int,
    share: float,
    flags: Flags,
    marks: Ints,
    stamp: int,
) -> bool:
    """Whether both texts have too many content characters that the other lacks.

    ``marks`` holds, for each character, the stamp of the last pair that had it, plus 1 where a has it and 2
    where b does.
    """
    size_a, size_b, only_a, only_b = 0, 0, 0, 0
    for p in range(offsets[a], offsets[a + 1]):
        if marks[codes[p]] < stamp:
            marks[codes[p]] = stamp + 1
            size_a += 1
            only_a += not flags[codes[p]] & _FUNCTION
    for p in range(offsets[b], offsets[b + 1]):
        mark = marks[codes[p]]
        if mark < stamp:
            size_b += 1
            only_b += not flags[codes[p]] & _FUNCTION
            marks[codes[p]] = stamp + 2
        elif mark == stamp + 1:
            size_b += 1
            only_a -= not flags[codes[p]] & _FUNCTION
            marks[codes[p]] = stamp + 3
    return bool(min(only_a, only_b) > max(float(most), share * min(size_a, size_b)))
