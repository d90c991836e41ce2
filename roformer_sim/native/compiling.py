"""How the kernels of this folder are compiled: by Numba, kept on disk where a folder can be written."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])

# Sums may be reordered, which is what lets them run in vector registers; infinities stay what they are.
_FAST = {"reassoc", "contract", "arcp", "nsz", "afn"}


def compiled(function: Function) -> Function:
    """Compile at the first call, without the GIL."""
    try:
        kernel: Any = numba.njit(function, cache=True, nogil=True, fastmath=_FAST)
    except (RuntimeError, OSError):  # Numba's words for "no folder to keep it in"
        kernel = numba.njit(function, nogil=True, fastmath=_FAST)
    return cast(Function, kernel)


def part(function: Function) -> Function:
    """Make a function part of every compiled function that calls it.

    At a real call Numba counts a reference to each array up and down, in atomic instructions.
    """
    kernel: Any = numba.njit(function, inline="always", fastmath=_FAST)
    return cast(Function, kernel)
