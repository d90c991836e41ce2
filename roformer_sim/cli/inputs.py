"""Sentences and pairs from arguments, standard input or files, each with the place it came from."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from corpus_builder.errors import InputError
from corpus_builder.readers import read_jsonl, read_lines

PAIR_HEADER = ("text_a", "text_b")
_STDIN = "standard input"


class Sentence(NamedTuple):
    """A sentence and where it stands: ``questions.txt, line 3``."""

    text: str
    where: str


class SentencePair(NamedTuple):
    """Two sentences and where they stand."""

    text_a: str
    text_b: str
    where: str


def read_sentences(
    texts: Sequence[str] | None, files: Sequence[Path] | None, *, jsonl: bool = False, field: str = "text"
) -> Iterator[Sentence]:
    """Sentences of the arguments, else of the files, else of standard input; empty ones included.

    Args:
        jsonl: Files and standard input are JSON lines ``{"text": ...}``; files called ``.json`` or
            ``.jsonl`` are in any case.
        field: Of JSON lines, where the sentence stands.

    Raises:
        InputError: nothing given, texts and files both given, a line that cannot be read.
    """
    _check_one_source(bool(texts), files, "TEXT")
    if texts:
        for number, text in enumerate(texts, 1):
            where = f"argument {number}"
            yield Sentence(_checked(text, where, "TEXT"), where)
        return
    for where, line in _lines(files, jsonl):
        if isinstance(line, dict):
            line = _field(line, field, where)
        yield Sentence(line, where)


def read_text_pairs(
    pair: tuple[str, str] | None, files: Sequence[Path] | None, *, jsonl: bool = False
) -> Iterator[SentencePair]:
    """Pairs of the arguments, else of lines ``text_a<TAB>text_b`` or JSON lines with these fields.

    Further columns are passed over, and so is a first line that says ``text_a<TAB>text_b``, so that STS
    tables can be read.

    Raises:
        InputError: as :func:`read_sentences`; a line without a tab; an empty sentence.
    """
    _check_one_source(pair is not None, files, "two texts")
    if pair is not None:
        yield SentencePair(
            _checked(pair[0], "argument 1", "TEXT_A", empty=False),
            _checked(pair[1], "argument 2", "TEXT_B", empty=False),
            "arguments",
        )
        return
    for where, line in _lines(files, jsonl):
        if isinstance(line, dict):
            cells = [_field(line, key, where) for key in PAIR_HEADER]
        else:
            cells = line.split("\t")
            if len(cells) < 2:
                raise InputError(f"{where}: no tab; expected text_a<TAB>text_b")
            if tuple(cells[:2]) == PAIR_HEADER:
                continue
        for key, cell in zip(PAIR_HEADER, cells, strict=False):
            _checked(cell, where, key, empty=False)
        yield SentencePair(cells[0], cells[1], where)


def _check_one_source(arguments: bool, files: Sequence[Path] | None, what: str) -> None:
    if arguments and files:
        raise InputError(f"give {what} or --input, not both")
    if not arguments and not files and sys.stdin.isatty():
        raise InputError(f"nothing to read: give {what}, --input FILE, or lines on standard input")


def _lines(files: Sequence[Path] | None, jsonl: bool) -> Iterator[tuple[str, str | dict[str, Any]]]:
    if not files:
        yield from _standard_input(jsonl)
        return
    for path in files:
        if jsonl or ".json" in path.name:
            for number, row in read_jsonl(path):
                yield f"{path}, line {number}", row
        else:
            for number, line in read_lines(path):
                yield f"{path}, line {number}", line


def _standard_input(jsonl: bool) -> Iterator[tuple[str, str | dict[str, Any]]]:
    # Bytes, so that a line that is no UTF-8 is an error with a number under every locale.
    stream = getattr(sys.stdin, "buffer", None) or io.BytesIO(sys.stdin.read().encode())
    number = 0
    for number, raw in enumerate(stream, 1):
        where = f"{_STDIN}, line {number}"
        try:
            line = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise InputError(f"{where}: not UTF-8 (byte 0x{raw[error.start]:02x} at {error.start})") from None
        if not jsonl:
            yield where, line
        elif line.strip():
            yield where, _json_object(line, where)
    if number == 0:
        raise InputError(f"{_STDIN} is empty")


def _json_object(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"{where}: malformed JSON ({error})") from None
    if not isinstance(row, dict):
        raise InputError(f"{where}: expected a JSON object like {{...}}")
    return row


def _field(row: dict[str, Any], key: str, where: str) -> str:
    if not isinstance(row.get(key), str):
        raise InputError(f'{where}: the field "{key}" is missing or no string')
    return _checked(row[key], where, key)


def _checked(text: str, where: str, what: str, *, empty: bool = True) -> str:
    if not empty and not text.strip():
        raise InputError(f"{where}: {what} is empty")
    if any("\ud800" <= character <= "\udfff" for character in text):
        # An argument that is no UTF-8, or half a surrogate pair in JSON: it cannot be written out again.
        raise InputError(f"{where}: {what} holds a lone surrogate, which is no character")
    return text
