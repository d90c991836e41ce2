"""Another tool in a process of its own: arrays go to it and come back in files."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from corpus_builder.errors import InputError

MISSING = 3
"""Exit code of a script whose tool cannot be imported."""

Job = tuple[dict[str, Any], Mapping[str, np.ndarray]]
"""What a script is told, as JSON, and the arrays it is given."""


def run_script(script: str, jobs: Sequence[Job], *, python: str, tool: str) -> list[dict[str, np.ndarray]]:
    """Run a script of this folder on jobs; the arrays that it made of each.

    It is given the path of a JSON list: the jobs with ``inputs`` and ``outputs``, paths of .npz files.

    Args:
        python: The interpreter.
        tool: What the script runs, for messages.

    Raises:
        InputError: It failed; the last line that it wrote is quoted.
        ImportError: It ended with :data:`MISSING`.
    """
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        listed = []
        for number, (told, arrays) in enumerate(jobs):
            inputs, outputs = place / f"inputs-{number}.npz", place / f"outputs-{number}.npz"
            np.savez(inputs, **cast(dict[str, Any], dict(arrays)))
            listed.append(told | {"inputs": str(inputs), "outputs": str(outputs)})
        (place / "jobs.json").write_text(json.dumps(listed), encoding="utf-8")
        _run([python, str(Path(__file__).with_name(script)), str(place / "jobs.json")], tool)
        found = []
        for job in listed:
            with np.load(job["outputs"]) as file:
                found.append(dict(file))
        return found


def _run(command: list[str], tool: str) -> None:
    # Keras chooses its backend by this, and Keras 2 has one alone.
    environment = {key: value for key, value in os.environ.items() if key != "KERAS_BACKEND"}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    except OSError as error:
        raise InputError(f"{command[0]}: cannot be run: {error.strerror or error}") from None
    last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    if done.returncode == MISSING:
        raise ImportError(last)
    if done.returncode:
        raise InputError(f"{tool} cannot read or run it: {last}")


def padded(rows: Sequence[np.ndarray], padding: int = 0) -> np.ndarray:
    """(rows, longest) int32, the padding id behind."""
    table = np.full((len(rows), max(map(len, rows))), padding, np.int32)
    for line, row in zip(table, rows, strict=True):
        line[: len(row)] = row
    return table
