"""JSON lines: parsed by orjson, complained about by the standard library, which says more."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

from corpus_builder.readers.errors import BadRow, OnReject, RowError, kind, refuse
from corpus_builder.readers.lines import Encoding, byte_lines, decoded_lines, undecodable

Object = dict[str, Any]


def read_jsonl(
    path: str | Path, on_reject: OnReject | None = None, *, encoding: Encoding = "utf-8"
) -> Iterator[tuple[int, Object]]:
    """Yield ``(line number, object)`` of a JSON-lines file; blank lines are passed over.

    Raises:
        RowError: as :func:`read_lines`, and for malformed JSON, a cut-off line, or a line that is no object.
    """
    for number, row in json_objects(Path(path), encoding):
        if isinstance(row, RowError):
            refuse(row, on_reject)
        else:
            yield number, row


def json_objects(path: Path, encoding: Encoding) -> Iterator[tuple[int, Object | RowError]]:
    """The objects of a file, or in a row's place what is wrong with it."""
    lines: Iterable[tuple[int, bytes | str | RowError]]
    # UTF-8 needs no decoding of its own: orjson refuses what is not UTF-8.
    lines = byte_lines(path) if encoding == "utf-8" else decoded_lines(path, encoding)
    for number, line in lines:
        try:
            row = orjson.loads(line)  # type: ignore[arg-type]  # a RowError is refused, too
        except orjson.JSONDecodeError:
            if isinstance(line, RowError):
                yield number, line
                continue
            if not line.strip():
                continue
            try:
                row = _parse_with_reasons(line)
            except BadRow as bad:
                yield number, RowError(str(path), number, str(bad))
                continue
        if type(row) is dict:
            yield number, row
        else:
            yield number, RowError(str(path), number, _no_object(row))


def _parse_with_reasons(line: bytes | str) -> Any:
    """The slow way for lines that orjson refuses.

    It also takes half a surrogate pair in an escape: that matters only in a field that is read.
    """
    if isinstance(line, bytes):
        try:
            line = line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise BadRow(undecodable(error)) from error
    try:
        return json.loads(line, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        length = len(line.rstrip())
        if error.pos >= length or error.msg.startswith("Unterminated string"):
            raise BadRow(f"the line is cut off after {length} characters; is the file complete?") from error
        raise BadRow(f"malformed JSON ({error.msg} at column {error.colno})") from error
    except RecursionError as error:
        raise BadRow("malformed JSON (nested too deeply)") from error


def _refuse_constant(name: str) -> None:
    raise BadRow(f"malformed JSON ({name} is no number of JSON)")


def _no_object(value: object) -> str:
    advice = ""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        advice = "; write one object a line: jq -c '.[]'"
    return f"expected a JSON object like {{...}}, found {kind(value)}{advice}"
