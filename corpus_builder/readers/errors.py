"""A row that cannot be used, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable

from corpus_builder.errors import InputError


class RowError(InputError):
    """One row of an input file that cannot be used.

    Attributes:
        file: the file's path as it was given.
        line: the line's number, from 1 (Parquet: the row's); 0 where the whole file is meant.
        reason: what is wrong with it.
    """

    def __init__(self, file: str, line: int, reason: str, unit: str = "line") -> None:
        super().__init__(f"{file}, {unit} {line}: {reason}" if line else f"{file}: {reason}")
        self.file = file
        self.line = line
        self.reason = reason


class BadRow(ValueError):
    """What is wrong with a row, before anybody says where it stands; becomes a :class:`RowError`."""


OnReject = Callable[[RowError], None]
"""Is given each row that cannot be used; reading goes on behind it. Without one the error is raised."""


def refuse(error: RowError, on_reject: OnReject | None) -> None:
    """Raise the error, or hand it to ``on_reject``."""
    if on_reject is None:
        raise error
    on_reject(error)


def kind(value: object) -> str:
    """A JSON value's type as a message says it."""
    names = {
        bool: "true/false",
        bytes: "bytes",
        dict: "an object",
        float: "a number",
        int: "a number",
        list: "a list",
        str: "a string",
        type(None): "null",
    }
    return names.get(type(value), type(value).__name__)
