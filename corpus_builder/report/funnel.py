"""The counts of a run as a funnel: what came in, what each step dropped, what was left."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_DROP = re.compile(r"(?P<unit>\w[\w ]*) dropped: (?P<reason>.+)")


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the funnel.

    Attributes:
        label: what is counted.
        left: how many are left after this step.
        dropped: how many this step dropped.
        share: ``left`` as a share of the first line of the same unit, in [0, 1].
    """

    label: str
    left: int
    dropped: int = 0
    share: float = 1.0


def funnel(counts: Mapping[str, int]) -> list[list[Step]]:
    """The stages of the funnel, one for rows, sentences, pairs ... in the order of the counts.

    Counts named ``<unit> dropped: <reason>`` are steps of their unit; the stage of a unit starts with its
    largest other count (``sentences``; ``pairs above the threshold``) and, where the unit itself is counted
    too (``pairs``), ends with it.

    Example:
        >>> [[(s.label, s.left) for s in stage] for stage in funnel(
        ...     {"sentences": 9, "sentences dropped: length": 2})]
        [[('sentences', 9), ('after: length', 7)]]
    """
    drops: dict[str, list[tuple[str, int]]] = {}
    for name, count in counts.items():
        if match := _DROP.fullmatch(name):
            drops.setdefault(match["unit"], []).append((match["reason"], count))
    return [_stage(unit, steps, counts) for unit, steps in drops.items()]


def _stage(unit: str, drops: list[tuple[str, int]], counts: Mapping[str, int]) -> list[Step]:
    starts = {
        name: count
        for name, count in counts.items()
        if re.match(rf"{unit}\b", name) and not _DROP.fullmatch(name)
    }
    left = sum(count for _, count in drops)
    base = unit
    if starts:
        base = max(starts, key=lambda name: starts[name])
        left = starts[base]
    first = max(left, 1)
    steps = [Step(base, left)]
    for reason, dropped in drops:
        left -= dropped
        steps.append(Step(f"after: {reason}", left, dropped, left / first))
    if base != unit and unit in counts:
        kept = counts[unit]
        steps.append(Step(f"{unit} kept", kept, left - kept, kept / first))
    return steps


def other_counts(counts: Mapping[str, int]) -> dict[str, int]:
    """The counts that :func:`funnel` does not show."""
    units = {match["unit"] for name in counts if (match := _DROP.fullmatch(name))}
    shown = units | {stage[0].label for stage in funnel(counts)}
    return {name: count for name, count in counts.items() if name not in shown and not _DROP.fullmatch(name)}
