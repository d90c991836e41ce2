"""Does a recipe go on with the run that is there? What a run was begun with may not change on the way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from corpus_builder.errors import InputError


def check_same_settings(
    old: Mapping[str, Any], new: Mapping[str, Any], where: str | Path, free: Iterable[str] = ()
) -> None:
    """Refuse to continue a run with other settings, another architecture among them.

    Args:
        old: Recipe that began the run, as nested dictionaries.
        new: Recipe it is to be continued with.
        where: Folder of the run, for the error.
        free: Keys that may differ, such as ``"watch"`` (all below it) and ``"train.epochs"``.

    Raises:
        InputError: Another setting; the first is named with both values
            (``start.config.hidden_size=384, the recipe says 768``).
    """
    difference = _first_difference(old, new, "", frozenset(free))
    if difference is not None:
        key, before, now = difference
        raise InputError(
            f"{where}: was begun with {key}={before!r}, the recipe says {now!r}; use another --output, or "
            "the same settings"
        )


def _first_difference(old: Any, new: Any, key: str, free: frozenset[str]) -> tuple[str, Any, Any] | None:
    if key in free or old == new:
        return None
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return key, old, new
    for name in [*new, *(name for name in old if name not in new)]:
        inner = f"{key}.{name}" if key else str(name)
        found = _first_difference(old.get(name), new.get(name), inner, free)
        if found is not None:
            return found
    return None
