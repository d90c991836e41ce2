"""Programs of :class:`KerasEngine` on JAX, compiled for each shape they meet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

ROWS = None
"""Rows are padded to a power of two or one and a half of one, so that few programs are compiled."""

CAPACITY = 16
"""A row's own keys and values grow by this many tokens, a program each."""


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function``, compiled as a whole."""
    return jax.jit(function)
