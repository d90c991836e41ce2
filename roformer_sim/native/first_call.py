"""A word to whoever waits while a function is compiled."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

PATIENCE = 2.0
"""Seconds: machine code that was kept from before is loaded sooner."""

_NOTICE = "compiling for this processor, once an installation: about half a minute"


@contextmanager
def told_if_compiled(function: Callable[..., Any], patience: float = PATIENCE) -> Iterator[None]:
    """Write one line to a terminal's standard error if the function's first call takes long.

    Args:
        function: Compiled by Numba at its first call in a process; others are called without more ado.
        patience: Seconds until the line is written.
    """
    # Numba lists what it has compiled or loaded.
    if getattr(function, "signatures", None) != [] or not sys.stderr.isatty():
        yield
        return
    timer = threading.Timer(patience, lambda: print(_NOTICE, file=sys.stderr, flush=True))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
