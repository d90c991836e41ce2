"""What this computer's processor can do, as far as the products care."""

from __future__ import annotations

import os

from llvmlite import binding


def _features() -> dict[str, bool]:
    try:
        return dict(binding.get_host_cpu_features())
    except RuntimeError:  # LLVM cannot tell on this system
        return {}


_FEATURES = _features()

LANES = 16 if _FEATURES.get("avx512f") else 8
"""float32 numbers in a vector register."""

PANEL = 2 * LANES
"""Outputs computed side by side."""

TALLEST = 12 if LANES == 16 else 6
"""Rows computed together: with two registers of outputs a row, sums fill the register file."""

HAS_INT8 = (
    bool(_FEATURES.get("avx512vnni") and _FEATURES.get("avx512vl"))
    if LANES == 16
    else bool(_FEATURES.get("avxvnni"))
)
"""Whether products of bytes are added up four at a time (VNNI: Intel since 2019, AMD since 2022)."""

IS_X86 = "sse2" in _FEATURES


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
