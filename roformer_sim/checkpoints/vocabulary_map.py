"""Where the rows of a changed vocabulary came from, so that the change can be traced and repeated."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from corpus_builder.errors import InputError

KEPT_TOKENS = "kept_tokens.json"
STEPS = "vocabulary"
"""The key of a preset's metadata that lists every change of its vocabulary, the first one first."""


def with_step(metadata: Mapping[str, Any], step: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata that also tell of this change."""
    return dict(metadata) | {STEPS: [*metadata.get(STEPS, []), dict(step)]}


def write_ranges(rows: Sequence[int] | np.ndarray) -> str:
    """Rows in a short form: ``[0, 100, 101, 102, 106]`` -> ``"0 100-102 106"``; any order is kept."""
    parts: list[list[int]] = []
    for row in map(int, rows):
        if parts and row == parts[-1][1] + 1:
            parts[-1][1] = row
        else:
            parts.append([row, row])
    return " ".join(f"{first}-{last}" if last > first else f"{first}" for first, last in parts)


def read_ranges(text: str) -> list[int]:
    """The inverse of :func:`write_ranges`."""
    rows: list[int] = []
    for part in text.split():
        first, _, last = part.partition("-")
        rows += range(int(first), int(last or first) + 1)
    return rows


def bert4keras_arguments(metadata: Mapping[str, Any]) -> dict[str, list[Any]]:
    """``keep_tokens`` and ``compound_tokens`` with which bert4keras reads the ORIGINAL checkpoint alike.

    ``build_transformer_model(config_path, checkpoint_path, **arguments)`` takes the kept rows of the
    embedding first and puts means of them behind: what all changes in :data:`STEPS` together do.

    Args:
        metadata: Of a preset whose vocabulary was changed.

    Returns:
        ``keep_tokens``: rows of the original embedding. ``compound_tokens``, where tokens were added: for
        each the places in ``keep_tokens`` whose rows it is the mean of.

    Raises:
        InputError: The vocabulary was never changed; or it cannot be said so: a token was made of added ones,
            or of one that was left out later.
    """
    steps = metadata.get(STEPS)
    if not steps:
        raise InputError(f"the preset's metadata have no {STEPS!r}: its vocabulary was never changed")
    kept: list[int] = list(range(steps[0]["tokens_before"]))
    added: list[list[int]] = []
    for step in steps:
        if "rows" in step:
            kept, added = _keep(kept, added, read_ranges(step["rows"]))
        else:
            added = added + [_made_of(entry, len(kept)) for entry in step["added"].values()]
    arguments: dict[str, list[Any]] = {"keep_tokens": kept}
    return arguments | ({"compound_tokens": added} if added else {})


def _keep(kept: list[int], added: list[list[int]], rows: list[int]) -> tuple[list[int], list[list[int]]]:
    old = [row for row in rows if row < len(kept)]
    new = [row for row in rows if row >= len(kept)]
    if rows != old + new:
        raise InputError("added tokens stand before original ones: bert4keras cannot order them so")
    place = {row: i for i, row in enumerate(old)}
    compounds = [added[row - len(kept)] for row in new]
    for row in (row for compound in compounds for row in compound):
        if row not in place:
            raise InputError(
                f"an added token was made of row {kept[row]}, which is left out since: bert4keras needs it"
            )
    return [kept[row] for row in old], [[place[row] for row in compound] for compound in compounds]


def _made_of(entry: Mapping[str, Any], kept: int) -> list[int]:
    rows = read_ranges(entry["rows"])
    if max(rows) >= kept:
        raise InputError("a token was made of an added one: bert4keras makes them of original rows alone")
    return rows


def write_kept_tokens(folder: Path, metadata: Mapping[str, Any]) -> bool:
    """``kept_tokens.json``: :func:`bert4keras_arguments` as a file; whether they could be said."""
    try:
        arguments = bert4keras_arguments(metadata)
    except InputError:
        return False
    (folder / KEPT_TOKENS).write_text(json.dumps(arguments) + "\n", encoding="utf-8")
    return True
