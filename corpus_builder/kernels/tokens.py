"""The variants of Jaccard similarity as plain sets of integers.

Each token of :func:`corpus_builder.similarity.tokens` becomes one integer, so that one kernel serves every
variant:

* ``set``: the code point, c;
* ``multiset``: ``k * 2^21 + c`` for the occurrence after k others, so ``|A ∩ B| = Σ_c min(a_c, b_c)`` and
  ``|A ∪ B| = Σ_c max(a_c, b_c)``;
* ``bigram``: c for each character and ``(c + 1) * 2^21 + d`` for each pair of neighbours cd.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from corpus_builder.kernels.compiling import compiled
from corpus_builder.kernels.texts import Codes, Offsets
from corpus_builder.similarity import Variant, check_variant

_CODE_POINTS = 0x110000
_SHIFT = 21


def token_keys(
    codes: Codes, offsets: Offsets, variant: Variant = "set"
) -> tuple[npt.NDArray[np.int64], Offsets]:
    """The tokens of each text, ``keys[ends[k] : ends[k + 1]]``; a token may stand there more than once.

    Args:
        codes, offsets: normalised texts.
        variant: of :func:`corpus_builder.similarity.jaccard`.

    Returns:
        ``(keys, offsets)``.

    Example:
        >>> from corpus_builder.kernels.texts import encode_texts
        >>> keys, _ = token_keys(*encode_texts(["aab"]), "multiset")
        >>> [(key >> 21, chr(key & 0x1FFFFF)) for key in keys.tolist()]
        [(0, 'a'), (1, 'a'), (0, 'b')]
    """
    check_variant(variant)
    if variant == "multiset":
        return _occurrences(codes, offsets), offsets
    if variant == "bigram":
        return _with_neighbours(codes, offsets)
    return codes.astype(np.int64), offsets


@compiled
def _occurrences(codes: Codes, offsets: Offsets) -> npt.NDArray[np.int64]:
    keys = np.empty(len(codes), np.int64)
    seen = np.zeros(_CODE_POINTS, np.int32)
    for text in range(len(offsets) - 1):
        for p in range(offsets[text], offsets[text + 1]):
            keys[p] = (np.int64(seen[codes[p]]) << _SHIFT) | np.int64(codes[p])
            seen[codes[p]] += 1
        for p in range(offsets[text], offsets[text + 1]):
            seen[codes[p]] = 0
    return keys


@compiled
def _with_neighbours(codes: Codes, offsets: Offsets) -> tuple[npt.NDArray[np.int64], Offsets]:
    keys = np.empty(2 * len(codes), np.int64)
    key_offsets = np.zeros_like(offsets)
    at = 0
    for text in range(len(offsets) - 1):
        for p in range(offsets[text], offsets[text + 1]):
            keys[at] = codes[p]
            at += 1
            if p > offsets[text]:
                keys[at] = (np.int64(codes[p - 1] + 1) << _SHIFT) | np.int64(codes[p])
                at += 1
        key_offsets[text + 1] = at
    return keys[:at], key_offsets
