"""A character vocabulary from the text a model will read."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.text.characters import CODE_POINTS, STANDALONE, WORD, character_kinds, normalize
from roformer_sim.text.vocabulary import SPECIAL_TOKENS

_LATIN_RUN = re.compile("[a-z0-9]+", re.IGNORECASE)
_BATCH = 2_000


def build_vocabulary(
    texts: Iterable[str],
    *,
    max_size: int,
    min_count: int = 2,
    latin_words: int | None = None,
    do_lower_case: bool = True,
) -> list[str]:
    """Choose the tokens for ``texts``; the same texts in any order give the same list.

    In order: the five special tokens; ASCII letters and digits, each also as ``##a``, and ASCII punctuation,
    so that no Latin word or number is ever [UNK]; the characters of the texts by count, then by code point
    (a letter of another script comes with its ``##`` form); the most frequent Latin words and numbers of 2
    to 12 characters, those first that save the most tokens.

    Args:
        texts: read once, may be a generator over a whole corpus.
        max_size: number of tokens at most; for Chinese 6,000 to 8,000 covers common text.
        min_count: characters and words seen less often are left out.
        latin_words: places kept for Latin words and numbers; a twentieth of ``max_size`` if not given. Places
            that rarer characters leave free go to them too.
        do_lower_case: as the tokenizer that will use the vocabulary.

    Raises:
        InputError: ``max_size`` has no room for the special tokens and ASCII.

    Example:
        >>> build_vocabulary(["广州和深圳", "广州"], max_size=200, min_count=1)[-4:]
        ['广', '和', '圳', '深']
    """
    head = _always_there(do_lower_case)
    if max_size < len(head):
        raise InputError(
            f"max_size is {max_size}; special tokens and ASCII alone take {len(head)}, give more"
        )
    counts, words = _count(texts, do_lower_case)
    known = set(head)
    chosen_words = [
        word
        for word, count in sorted(words.items(), key=lambda item: (-item[1] * (len(item[0]) - 1), item[0]))
        if count >= min_count and word not in known
    ]
    kept_for_words = min(max_size // 20 if latin_words is None else latin_words, len(chosen_words))
    tokens = list(head)
    for character in _by_count(counts, min_count):
        ways = forms(character)
        if character in known:
            continue
        if len(tokens) + len(ways) > max_size - kept_for_words:
            break
        tokens += ways
    return tokens + chosen_words[: max_size - len(tokens)]


def _always_there(do_lower_case: bool) -> list[str]:
    letters = string.digits + string.ascii_lowercase + ("" if do_lower_case else string.ascii_uppercase)
    return [*SPECIAL_TOKENS, *string.punctuation, *letters, *(f"##{letter}" for letter in letters)]


def _count(texts: Iterable[str], do_lower_case: bool) -> tuple[np.ndarray, Counter[str]]:
    """How often each code point and each short Latin word occurs in the normalised texts."""
    counts = np.zeros(CODE_POINTS, np.int64)
    words: Counter[str] = Counter()
    for batch in _batches(texts):
        text = normalize("\n".join(batch), do_lower_case=do_lower_case)
        codes = np.frombuffer(text.encode("utf-32-le"), np.uint32)
        found = np.bincount(codes)
        counts[: len(found)] += found
        words.update(word for word in _LATIN_RUN.findall(text) if 2 <= len(word) <= 12)
    return counts, words


def _by_count(counts: np.ndarray, min_count: int) -> Iterator[str]:
    """Characters by falling count; equal counts by code point."""
    codes = np.flatnonzero(counts >= max(min_count, 1))
    codes = codes[np.isin(character_kinds()[codes], (STANDALONE, WORD))]
    yield from map(chr, codes[np.argsort(-counts[codes], kind="stable")].tolist())


def forms(character: str) -> list[str]:
    """The tokens that make a character known: ``['中']``, ``['β', '##β']``."""
    stands_alone = character_kinds()[ord(character)] == STANDALONE
    return [character] if stands_alone else [character, f"##{character}"]


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    iterator = iter(texts)
    while batch := list(islice(iterator, _BATCH)):
        yield batch
