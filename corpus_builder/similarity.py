"""Character Jaccard similarity in three variants: the definition.

It is plain Python and needs nothing else, so the same function is the baseline of the STS tables and the
oracle of the kernels in :mod:`corpus_builder.kernels`, which do the work on a corpus.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Any, Literal, get_args

from corpus_builder.errors import InputError

Variant = Literal["set", "multiset", "bigram"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)

_NOT_A_LETTER = re.compile(r"[\W_]+")


def normalise(text: str, *, simplified: bool = False) -> str:
    """What two texts are compared by: NFKC, lower case, punctuation, symbols and spaces removed.

    Args:
        text: any text.
        simplified: traditional characters become simplified ones, last of all, by OpenCC's ``t2s``.

    Raises:
        InputError: ``simplified`` without OpenCC.

    Example:
        >>> normalise("ＡＰＰ 打不开，怎么办？")
        'app打不开怎么办'
        >>> normalise("這個軟體怎麼用？", simplified=True)
        '这个软体怎么用'
    """
    normal = _NOT_A_LETTER.sub("", unicodedata.normalize("NFKC", text).lower())
    return simplify(normal) if simplified else normal


def simplify(text: str) -> str:
    """Traditional Chinese characters to simplified ones by OpenCC's ``t2s`` (characters and phrases).

    https://github.com/BYVoid/OpenCC. Many texts are converted fastest as the lines of one.

    Raises:
        InputError: the ``opencc`` extra is not installed.

    Example:
        >>> simplify("乾隆吃餅乾")
        '乾隆吃饼干'
    """
    return _converter()(text)


@functools.cache
def _converter() -> Callable[[str], str]:
    try:
        from opencc import OpenCC
    except ImportError as error:
        raise InputError(
            "traditional to simplified Chinese needs OpenCC, which is not installed: "
            "pip install 'roformer-sim[opencc]'"
        ) from error
    convert: Callable[[str], str] = OpenCC("t2s").convert
    return convert


def tokens(text: str, variant: Variant = "set") -> set[Any]:
    """What a text is made of, as a set, after :func:`normalise`.

    ``set``: its characters. ``multiset``: each character with how many of it came before, so that a set
    holds as many as the text has. ``bigram``: its characters and its pairs of neighbouring characters.

    Example:
        >>> sorted(tokens("天天好")), sorted(tokens("天天好", "multiset")), sorted(tokens("天天好", "bigram"))
        (['天', '好'], [('天', 0), ('天', 1), ('好', 0)], ['天', '天天', '天好', '好'])
    """
    check_variant(variant)
    normal = normalise(text)
    if variant == "set":
        return set(normal)
    if variant == "bigram":
        return {*normal, *map("".join, pairwise(normal))}
    before: Counter[str] = Counter()
    occurrences = set()
    for character in normal:
        occurrences.add((character, before[character]))
        before[character] += 1
    return occurrences


def jaccard(a: str, b: str, *, variant: Variant = "set") -> float:
    r"""Character Jaccard similarity of two texts, in [0, 1]; 0.0 where both are empty.

    With A and B the sets of :func:`tokens`: ``|A ∩ B| / |A ∪ B|``. That is, with a_c how often character c
    occurs in a, and a_cd how often it is followed by d:

    * ``set``: shared characters over all characters;
    * ``multiset``: ``Σ_c min(a_c, b_c) / Σ_c max(a_c, b_c)``;
    * ``bigram``: ``(S + S2) / (U + U2)``, S of U characters and S2 of U2 different pairs cd shared.

    Jaccard, Étude comparative de la distribution florale, 1901; as the rule of RoFormer-Sim's corpus:
    https://kexue.fm/archives/8454.

    Raises:
        InputError: an unknown variant.

    Example:
        >>> jaccard("北京好吗？", "北京怎么样")
        0.2857142857142857
        >>> jaccard("北京好吗？", "北京怎么样", variant="bigram")
        0.23076923076923078
    """
    set_a, set_b = tokens(a, variant), tokens(b, variant)
    union = len(set_a | set_b)
    return len(set_a & set_b) / union if union else 0.0


def check_threshold(threshold: float) -> None:
    """Raise :class:`InputError` unless ``0 < threshold <= 1``."""
    if not 0 < threshold <= 1:
        raise InputError(f"a Jaccard threshold lies in (0, 1], not {threshold}")


def check_variant(variant: str) -> None:
    """Raise :class:`InputError` unless the variant is one of ``VARIANTS``."""
    if variant not in VARIANTS:
        raise InputError(f"the variants of Jaccard similarity are {', '.join(VARIANTS)}, not {variant!r}")
