"""What each test of another tool measured, for the table in the documentation."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path


def record(format: str, family: str, direction: str, differences: Mapping[str, float]) -> None:
    """Add a line to the file that the environment variable ``INTEROP_RESULTS`` names, if it does.

    Args:
        format: As in ``roformer_sim.conversion.formats.FORMATS``.
        family: Of networks: ``"RoFormer"``, ``"BERT"``...
        direction: ``"in"`` or ``"out"``, seen from us.
        differences: Largest absolute difference by kind.
    """
    path = os.environ.get("INTEROP_RESULTS")
    if not path:
        return
    line = {"format": format, "family": family, "direction": direction, "differences": dict(differences)}
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")
