"""Which texts of a group are nearly the text of another: few characters inserted or deleted, in order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from corpus_builder.errors import InputError
from corpus_builder.kernels.compiling import compiled, inlined
from corpus_builder.kernels.texts import Codes, Offsets, as_codes, as_integers

Ints = npt.NDArray[np.int64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio


def first_of_their_kind(
    codes: Codes, offsets: Offsets, group_bounds: npt.ArrayLike, forms: npt.ArrayLike, threshold: float
) -> npt.NDArray[np.bool_]:
    """Which texts stay when, in order, each text is dropped that is nearly one of its group that stayed.

    Two texts are nearly the same when their forms are equal or, with LCS the length of their longest common
    subsequence, ``2 * LCS / (|a| + |b|) >= threshold``, in float64. Exact for groups of any size: about a
    nanosecond for most pairs, which are told apart by their lengths and by 64 bits that say which characters
    a text has, and Myers, An O(ND) Difference Algorithm and Its Variations, 1986, for the others.

    Args:
        codes, offsets: normalised texts, see :mod:`corpus_builder.kernels`.
        group_bounds: group k is made of the texts ``group_bounds[k]`` to ``group_bounds[k + 1]``, not
            included.
        forms: a number for each text; equal numbers make two texts of a group the same.
        threshold: in (0, 1].

    Raises:
        InputError: a threshold outside (0, 1].

    Example:
        >>> from corpus_builder.kernels.texts import encode_texts
        >>> texts = ["感冒了吃什么药", "感冒吃什么药", "感冒吃哪些药"]
        >>> first_of_their_kind(*encode_texts(texts), [0, 3], [0, 1, 2], 0.9).tolist()
        [True, False, True]
    """
    if not 0 < threshold <= 1:
        raise InputError(f"a threshold of near-identity lies in (0, 1], not {threshold}")
    codes, offsets = as_codes(codes), as_integers(offsets)
    longest = int(np.diff(offsets).max(initial=0))
    allowed = _allowed_edits(longest, float(threshold))
    stays = np.zeros(len(offsets) - 1, bool)
    _mark(codes, offsets, as_integers(group_bounds), as_integers(forms), allowed, stays)
    return stays


@compiled
def _allowed_edits(longest: int, threshold: float) -> Ints:
    """By ``|a| + |b|``, the most characters that may be inserted or deleted; -1 where both are empty."""
    allowed = np.empty(2 * longest + 1, np.int64)
    allowed[0] = -1
    for total in range(1, len(allowed)):
        edits = 0
        while edits < total and (total - edits - 1) / total >= threshold:
            edits += 1
        allowed[total] = edits
    return allowed


@compiled
def _mark(
    codes: Codes, offsets: Offsets, bounds: Ints, forms: Ints, allowed: Ints, stays: npt.NDArray[np.bool_]
) -> None:
    signatures = np.zeros(len(offsets) - 1, np.uint64)
    for text in range(len(signatures)):
        for p in range(offsets[text], offsets[text + 1]):
            signatures[text] |= np.uint64(1) << ((np.uint64(codes[p]) * _GOLDEN) >> np.uint64(58))
    reach = np.zeros(2 * max(0, allowed.max()) + 3, np.int64)
    kept = np.empty(len(signatures), np.int64)
    for group in range(len(bounds) - 1):
        count = 0
        for text in range(bounds[group], bounds[group + 1]):
            length = offsets[text + 1] - offsets[text]
            near = False
            for k in range(count):
                other = kept[k]
                if forms[other] == forms[text]:
                    near = True
                    break
                other_length = offsets[other + 1] - offsets[other]
                most = allowed[length + other_length]
                # A bit that only one signature has stands for a character that only one text has.
                if abs(length - other_length) <= most and _bits_within(
                    signatures[text] ^ signatures[other], most
                ):
                    near = _edits_within(codes, offsets, other, text, most, reach)
                    if near:
                        break
            if not near:
                kept[count] = text
                count += 1
                stays[text] = True


@inlined
def _bits_within(bits: np.uint64, most: int) -> bool:
    """Whether at most ``most`` bits are 1."""
    count = 0
    while bits and count <= most:
        bits &= bits - np.uint64(1)
        count += 1
    return count <= most


@compiled
def _edits_within(codes: Codes, offsets: Offsets, a: int, b: int, most: int, reach: Ints) -> bool:
    """Whether text a becomes text b by at most ``most`` insertions and deletions."""
    start_a, size_a = offsets[a], offsets[a + 1] - offsets[a]
    start_b, size_b = offsets[b], offsets[b + 1] - offsets[b]
    middle = most + 1
    reach[middle + 1] = 0
    for edits in range(most + 1):
        # reach: how far into a one comes with so many edits on each diagonal, x - y = diagonal.
        for diagonal in range(-edits, edits + 1, 2):
            left, right = reach[middle + diagonal - 1], reach[middle + diagonal + 1]
            x = right if diagonal == -edits or (diagonal != edits and left < right) else left + 1
            y = x - diagonal
            while x < size_a and y < size_b and codes[start_a + x] == codes[start_b + y]:
                x += 1
                y += 1
            reach[middle + diagonal] = x
            if x >= size_a and y >= size_b:
                return True
    return False
