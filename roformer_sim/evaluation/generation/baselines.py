"""What a generator has to beat: copies, and random edits of words.

A system is a function from source sentences to the variants of each. The edits are those of easy data
augmentation (Wei & Zou, EDA, arXiv:1901.11196) on jieba's words. As the generator does, they draw ``n``
sentences and return the first ``k`` that differ from one another and from the source. Each source has a
random generator of its own, made of the seed and its text: its variants do not depend on the other sources.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from zlib import crc32

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.evaluation.generation.word_list import Synonyms
from roformer_sim.text.words import cut_words

System = Callable[[list[str]], list[list[str]]]
"""n sources to n lists of variants, the best first."""

EDA_SHARE = 0.1
"""EDA's alpha: the share of words that an edit concerns, one at least."""

_Edit = Callable[[list[str], np.random.Generator], list[str]]


def copying(k: int = 20) -> System:
    """``k`` copies of each source: what every figure looks like when nothing is generated."""
    return lambda texts: [[text] * k for text in texts]


def random_deletion(n: int = 100, k: int = 20, *, share: float = EDA_SHARE, seed: int = 0) -> System:
    """Each word is left out with probability ``share``; one at least, and never all of them.

    EDA leaves the sentence as it is where no word happened to fall; here one at random does.

    Example:
        >>> random_deletion(n=5, k=2)(["广州和深圳哪个好"])
        [['广州和深圳哪个', '和哪个好']]
    """

    def edit(words: list[str], rng: np.random.Generator) -> list[str]:
        places = _word_places(words)
        if len(places) < 2:
            return words
        dropped = [place for place in places if rng.random() < share]
        dropped = dropped or [places[int(rng.integers(len(places)))]]
        if len(dropped) == len(places):
            del dropped[int(rng.integers(len(dropped)))]
        return [word for place, word in enumerate(words) if place not in dropped]

    return _system(edit, n, k, share, seed)


def random_swap(n: int = 100, k: int = 20, *, share: float = EDA_SHARE, seed: int = 0) -> System:
    """Two words change places, ``max(1, round(share * words))`` times; marks stay where they are."""

    def edit(words: list[str], rng: np.random.Generator) -> list[str]:
        places = _word_places(words)
        if len(places) < 2:
            return words
        words = list(words)
        for _ in range(_edits(len(places), share)):
            i, j = (places[int(place)] for place in rng.choice(len(places), 2, replace=False))
            words[i], words[j] = words[j], words[i]
        return words

    return _system(edit, n, k, share, seed)


def synonym_replacement(
    synonyms: Synonyms, n: int = 100, k: int = 20, *, share: float = EDA_SHARE, seed: int = 0
) -> System:
    """Words of a list give way to others of it, ``max(1, round(share * words))`` of them.

    A sentence without a listed word has no variants.

    Args:
        synonyms: Of :func:`~roformer_sim.evaluation.generation.word_list.read_word_list`.
    """

    def edit(words: list[str], rng: np.random.Generator) -> list[str]:
        known = [place for place, word in enumerate(words) if word in synonyms]
        if not known:
            return words
        words = list(words)
        count = min(_edits(len(_word_places(words)), share), len(known))
        for place in rng.choice(known, count, replace=False):
            others = synonyms[words[place]]
            words[place] = others[int(rng.integers(len(others)))]
        return words

    return _system(edit, n, k, share, seed)


def _system(edit: _Edit, n: int, k: int, share: float, seed: int) -> System:
    if k < 1 or n < 1:
        raise InputError(f"n and k must be at least 1, not {n} and {k}")
    if not 0 < share <= 1:
        raise InputError(f"the share of edited words lies in (0, 1], not {share}")

    def variants(text: str) -> list[str]:
        words = cut_words(text)
        rng = np.random.default_rng([seed, crc32(text.encode("utf-8", "surrogatepass"))])
        drawn = dict.fromkeys("".join(edit(words, rng)) for _ in range(n))
        drawn.pop(text, None)
        return list(drawn)[:k]

    return lambda texts: [variants(text) for text in texts]


def _word_places(words: Sequence[str]) -> list[int]:
    """Where words stand, marks and spaces left out."""
    return [place for place, word in enumerate(words) if any(map(str.isalnum, word))]


def _edits(words: int, share: float) -> int:
    return max(1, round(share * words))
