"""Fields of a row, checked: each function returns the value or says what is wrong with it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from corpus_builder.readers.errors import BadRow, kind

Object = dict[str, Any]

_SHOWN = 12  # names of fields or columns in a message


def text(row: Object, key: str) -> str:
    """A string."""
    value = row.get(key)
    # The common case first: half a surrogate pair (JSON can spell it: \ud83d) does not encode.
    if type(value) is str and (value.isascii() or _encodes(value)):
        return value
    if key not in row:
        raise missing(row, key)
    return _string(value, key)


def texts(row: Object, key: str) -> tuple[str, ...]:
    """A list of strings."""
    if key not in row:
        raise missing(row, key)
    values = row[key]
    if not isinstance(values, list):
        raise BadRow(f'the field "{key}" must be a list of strings, found {kind(values)}')
    return tuple([_string(value, key) for value in values])


def number(row: Object, key: str) -> float:
    """A finite number."""
    if key not in row:
        raise missing(row, key)
    value = row[key]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadRow(f'the field "{key}" must be a number, found {kind(value)}')
    try:
        finite = math.isfinite(value)
    except OverflowError:  # an integer of more than 308 digits
        finite = False
    if not finite:
        raise BadRow(f'the field "{key}" must be a finite number, found {value!r:.20}')
    return float(value)


def optional_number(row: Object, key: str) -> float | None:
    """A finite number; None where it is absent or null."""
    return None if row.get(key) is None else number(row, key)


def optional_text(row: Object, key: str) -> str | None:
    """A string; None where it is absent or null."""
    return None if row.get(key) is None else text(row, key)


def source_name(row: Object, otherwise: str) -> str:
    """The field ``source``: a string, or a list of them joined; ``otherwise`` where there is none."""
    if isinstance(row.get("source"), list):
        return ", ".join(texts(row, "source")) or otherwise
    return optional_text(row, "source") or otherwise


def identity(row: Object, key: str) -> str:
    """A string or an integer as a string; empty where it is absent or null."""
    value = row.get(key)
    if type(value) is int:
        return str(value)
    return "" if value is None else text(row, key)


def missing(row: Object, *keys: str) -> BadRow:
    """The complaint about a field that is not there; several keys are alternatives."""
    first, *others = (f'"{key}"' for key in keys)
    also = f" (or {' or '.join(others)})" if others else ""
    return BadRow(f"the field {first}{also} is missing; the row has: {listed(row)}")


def listed(names: Iterable[str]) -> str:
    """Names for a message, the first twelve of them."""
    names = list(names)
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "") if names else "nothing"


def renamed(row: Object, fields: Mapping[str, str]) -> Object:
    """A foreign row under our names.

    Args:
        fields: ours to theirs, ``{"question": "title"}``. What is named here must be in the row.
    """
    found = dict(row)
    for ours, theirs in fields.items():
        if theirs not in row:
            complaint = f'the field "{theirs}", named for "{ours}", is missing'
            raise BadRow(f"{complaint}; the row has: {listed(row)}")
        found[ours] = row[theirs]
    return found


def cell_values(row: dict[str, str], lists: Iterable[str], numbers: Iterable[str]) -> Object:
    """The typed values of a table's cells.

    A list is written as JSON, ``["多喝水。", "好好休息。"]``; any other text is a list of one, and an empty
    cell an empty list. An empty cell of a number is null.
    """
    values: Object = dict(row)
    for key in lists:
        if key in values:
            values[key] = _cell_list(values[key], key)
    for key in numbers:
        if key in values:
            values[key] = _cell_number(values[key], key)
    return values


def _cell_list(cell: str, key: str) -> list[Any]:
    if not cell.startswith(('["', "[{", "[]")):
        return [cell] if cell else []
    try:
        value = json.loads(cell)
    except (ValueError, RecursionError) as error:
        raise BadRow(f'the field "{key}" begins like a JSON list and is none ({error})') from error
    return value if isinstance(value, list) else [cell]


def _cell_number(cell: str, key: str) -> float | None:
    if not cell.strip():
        return None
    try:
        if "_" in cell:  # which Python takes
            raise ValueError
        return float(cell)
    except ValueError:
        raise BadRow(f"the {key} {cell!r} is not a number") from None


def _string(value: object, key: str) -> str:
    if not isinstance(value, str):
        raise BadRow(f'the field "{key}" must hold strings, found {kind(value)}')
    if not value.isascii() and not _encodes(value):
        raise BadRow(f'the field "{key}" holds a lone surrogate, which is no character')
    return value


def _encodes(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
