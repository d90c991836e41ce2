"""How the kernels are compiled: by Numba, kept on disk where that is possible."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any, ParamSpec, TypeVar, cast

from numba import njit

_P = ParamSpec("_P")
_R = TypeVar("_R")


class Compiling:
    """Compiles functions at their first call, once for all processes; without the GIL, so that threads run
    side by side.

    The machine code is kept beside the package or in the user's cache folder (``NUMBA_CACHE_DIR`` names
    another), and compiled anew when any file of the kernels' folder changes. Where no folder can be written,
    every process compiles for itself.

    Args:
        folder: Where the kernels and what they call stand.
        options: More of Numba's.
    """

    def __init__(self, folder: Path, **options: Any) -> None:
        files = sorted(folder.glob("*.py"))
        self._sources = zlib.crc32(b"".join(path.read_bytes() for path in files))
        self._options = options

    def __call__(self, function: Callable[_P, _R]) -> Callable[_P, _R]:
        try:
            tied = _tied_to_sources(function, self._sources)
            kernel: Callable[_P, _R] = njit(tied, cache=True, nogil=True, **self._options)
        except (RuntimeError, OSError):  # Numba's words for "no folder to keep it in"
            kernel = njit(function, nogil=True, **self._options)
        return kernel

    def inlined(self, function: Callable[_P, _R]) -> Callable[_P, _R]:
        """Make a function part of every compiled function that calls it.

        For what runs once a text or pair: at a real call Numba counts a reference to each array up and down,
        in atomic instructions.
        """
        part: Callable[_P, _R] = njit(function, inline="always", **self._options)
        return part


compiled = Compiling(Path(__file__).parent)
inlined = compiled.inlined


def _tied_to_sources(function: Callable[_P, _R], sources: int) -> Callable[_P, _R]:
    """The same function with the checksum of all files of its folder among its variables from outside.

    Kept machine code is used while the function's own file and such variables stay the same. What the
    function calls may stand in other files, of which Numba knows nothing. A function that has variables from
    outside is left as it is: it looks after that itself.
    """
    own = cast(FunctionType, function)
    if own.__closure__:
        return function

    def holder() -> int:
        return sources

    code = own.__code__.replace(co_freevars=holder.__code__.co_freevars)
    tied = FunctionType(code, own.__globals__, own.__name__, own.__defaults__, holder.__closure__)
    tied.__doc__, tied.__module__, tied.__qualname__ = own.__doc__, own.__module__, own.__qualname__
    return cast(Callable[_P, _R], tied)
