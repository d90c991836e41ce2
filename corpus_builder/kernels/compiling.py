"""How the kernels are compiled: by Numba, kept on disk where that is possible."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from numba import njit

_P = ParamSpec("_P")
_R = TypeVar("_R")


def compiled(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Compile at the first call, once for all processes; without the GIL, so that threads run side by side.

    The machine code is kept beside this package or in the user's cache folder (``NUMBA_CACHE_DIR`` names
    another). Where none of them can be written, every process compiles for itself.
    """
    try:
        kernel: Callable[_P, _R] = njit(function, cache=True, nogil=True)
    except (RuntimeError, OSError):  # Numba's words for "no folder to keep it in"
        kernel = njit(function, nogil=True)
    return kernel


def inlined(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Make a function part of every compiled function that calls it.

    For what runs once a text or pair: at a real call Numba counts a reference to each array up and down, in
    atomic instructions.
    """
    part: Callable[_P, _R] = njit(function, inline="always")
    return part
