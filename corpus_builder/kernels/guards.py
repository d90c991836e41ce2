"""Cheap tests of a pair that the kernel makes before it is handed over."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from corpus_builder.errors import InputError
from corpus_builder.kernels.compiling import inlined
from corpus_builder.kernels.texts import Codes, Offsets

DROPPED = ("equal after normalisation", "length ratio", "containment")


class Guards(NamedTuple):
    """Pairs that are not wanted however similar, by their normalised texts; none by default.

    Attributes:
        equal: drop pairs of equal texts (你好吗？ / 你好吗).
        max_length_ratio: drop pairs of which the longer has more than so many times the characters of the
            shorter.
        contained: drop pairs of which one text contains the other (北京好吗 / 你说，北京好吗).
    """

    equal: bool = False
    max_length_ratio: float = math.inf
    contained: bool = False


def check_guards(guards: Guards) -> Guards:
    """The guards in the types the kernel expects; :class:`InputError` for a ratio below 1."""
    if not guards.max_length_ratio >= 1:
        raise InputError(f"a length ratio (longer over shorter) is 1 or more, not {guards.max_length_ratio}")
    return Guards(bool(guards.equal), float(guards.max_length_ratio), bool(guards.contained))


@inlined
def has_guards(guards: Guards) -> bool:
    """Whether any guard is on."""
    return guards.equal or guards.contained or guards.max_length_ratio < np.inf


@inlined
def refused(
    codes: Codes, offsets: Offsets, i: int, j: int, guards: Guards, dropped: npt.NDArray[np.int64]
) -> bool:
    """Whether a guard drops the pair; counts it up in ``dropped``, in the order of ``DROPPED``."""
    if offsets[i + 1] - offsets[i] > offsets[j + 1] - offsets[j]:
        i, j = j, i
    short, long = offsets[i + 1] - offsets[i], offsets[j + 1] - offsets[j]
    if guards.equal and short == long and _stands_at(codes, offsets[i], offsets[j], short):
        dropped[0] += 1
        return True
    if long / short > guards.max_length_ratio:  # a quotient: 1.4 * 45 is less than 63
        dropped[1] += 1
        return True
    if guards.contained:
        for at in range(offsets[j], offsets[j] + long - short + 1):
            if _stands_at(codes, offsets[i], at, short):
                dropped[2] += 1
                return True
    return False


@inlined
def _stands_at(codes: Codes, a: int, b: int, length: int) -> bool:
    for p in range(length):  # noqa: SIM110, any() of a generator is not compiled
        if codes[a + p] != codes[b + p]:
            return False
    return True
