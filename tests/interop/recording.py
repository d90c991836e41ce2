"""Figures of the interoperability tests, for the table in ``docs/interop.md``."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path


def record(format: str, family: str, direction: str, differences: Mapping[str, float]) -> None:
    """Append a cell of the table as a JSON line to the file that ``INTEROP_RESULTS`` names, if it is set.

    Args:
        format: Name of the format, as in :data:`roformer_sim.conversion.formats.FORMATS`.
        family: What network: ``"RoFormer, embeddings 16, pooler and LM head"``.
        direction: ``"in"``, ``"out"`` or ``"round trip"``.
        differences: Largest absolute difference by kind (``hidden``, ``P2``, ``vector``, ``logits`` ...).
    """
    path = os.environ.get("INTEROP_RESULTS")
    if not path:
        return
    cell = {"format": format, "family": family, "direction": direction, "differences": dict(differences)}
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(json.dumps(cell, ensure_ascii=False) + "\n")
