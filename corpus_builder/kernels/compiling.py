"""How the kernels are compiled: by Numba, kept on disk where that is possible."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import ParamSpec, TypeVar, cast

from numba import njit

_P = ParamSpec("_P")
_R = TypeVar("_R")

_SOURCES = zlib.crc32(b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))))


def compiled(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Compile at the first call, once for all processes; without the GIL, so that threads run side by side.

    The machine code is kept beside this package or in the user's cache folder (``NUMBA_CACHE_DIR`` names
    another), and compiled anew when any file of this folder changes. Where no folder can be written, every
    process compiles for itself.
    """
    try:
        kernel: Callable[_P, _R] = njit(_tied_to_sources(function), cache=True, nogil=True)
    except (RuntimeError, OSError):  # Numba's words for "no folder to keep it in"
        kernel = njit(function, nogil=True)
    return kernel


def _tied_to_sources(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """The same function with the checksum of all files here among its variables from outside.

    Kept machine code is used while the function's own file and such variables stay the same. What the
    function calls may stand in other files, of which Numba knows nothing. A function that has variables from
    outside is left as it is: it looks after that itself.
    """
    own = cast(FunctionType, function)
    if own.__closure__:
        return function
    sources = _SOURCES

    def holder() -> int:
        return sources

    code = own.__code__.replace(co_freevars=holder.__code__.co_freevars)
    tied = FunctionType(code, own.__globals__, own.__name__, own.__defaults__, holder.__closure__)
    tied.__doc__, tied.__module__, tied.__qualname__ = own.__doc__, own.__module__, own.__qualname__
    return cast(Callable[_P, _R], tied)


def inlined(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Make a function part of every compiled function that calls it.

    For what runs once a text or pair: at a real call Numba counts a reference to each array up and down, in
    atomic instructions.
    """
    part: Callable[_P, _R] = njit(function, inline="always")
    return part
