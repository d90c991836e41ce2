"""What a run ran on: cores, processor, devices, backend and versions."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

_PACKAGES = ("keras", "tensorflow", "tensorflow-cpu", "jax", "numpy", "tokenizers", "jieba", "rjieba")


def machine_facts() -> dict[str, Any]:
    """Facts of this process's machine, as JSON values; no host name, no path.

    ``cores`` are those the process may use, which in a container are fewer than the machine has.
    """
    import keras

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "cores": cores,
        "processor": _processor(),
        "system": f"{platform.system()} {platform.machine()}",
        "backend": keras.backend.backend(),
        "devices": _devices(),
        "versions": {"python": platform.python_version()} | _versions(),
    }


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _devices() -> list[str]:
    import keras

    return [str(device) for device in keras.distribution.list_devices()]


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
