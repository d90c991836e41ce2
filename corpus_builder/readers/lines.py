"""Lines of text files of any size, as bytes and as text."""

from __future__ import annotations

import logging
import lzma
import unicodedata
import zlib
from collections.abc import Iterator
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Literal, get_args

from corpus_builder.errors import InputError
from corpus_builder.readers.errors import OnReject, RowError, refuse
from corpus_builder.readers.files import open_bytes

Encoding = Literal["utf-8", "gb18030", "auto"]

MAX_LINE_BYTES = 64 * 2**20
"""Longer lines are rejected, and never held in memory whole."""

_BLOCK = 256 * 1024
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
# What `auto` decides by: so many bytes of lines that are not plain ASCII, within so many bytes of the file.
_SAMPLE, _SAMPLED_PREFIX = 64 * 1024, 2**20

_log = logging.getLogger("corpus_builder.readers")


def read_lines(
    path: str | Path, on_reject: OnReject | None = None, *, encoding: Encoding = "utf-8"
) -> Iterator[tuple[int, str]]:
    r"""Yield ``(line number, text without its line end)`` of a text file, also ``.gz``, ``.zst``, ``.xz``.

    Lines end at ``\n`` or ``\r\n``.

    Args:
        encoding: ``"utf-8"``, with or without a byte order mark; ``"gb18030"`` (also GBK and GB2312, its
            subsets); or ``"auto"``: see :func:`decoded_lines`.

    Raises:
        InputError: the file cannot be opened.
        RowError: the file is empty, a line has bytes that mean nothing in its encoding (never replaced) or is
            longer than 64 MB, the compressed stream is damaged or cut off, or the file is UTF-16.
    """
    for number, line in decoded_lines(Path(path), encoding):
        if isinstance(line, RowError):
            refuse(line, on_reject)
        else:
            yield number, line.rstrip("\r")


def byte_lines(path: Path) -> Iterator[tuple[int, bytes | RowError]]:
    r"""Yield ``(line number, line without its \n)``, or in the line's place what is wrong with it.

    After an error that the stream cannot go on from (damaged archive, UTF-16) the lines end.
    """
    number = 0
    for line in _split(path):
        number += 1
        if isinstance(line, str):
            yield number, RowError(str(path), number, line)
        elif number > 1:
            yield number, line
        elif line.startswith(_UTF16):
            reason = "the file is UTF-16, which is not read; convert it: iconv -f UTF-16 -t UTF-8"
            yield 0, RowError(str(path), 0, reason)
            return
        else:
            yield number, line.removeprefix(b"\xef\xbb\xbf")
    if number == 0:
        yield 0, RowError(str(path), 0, "the file is empty")


def _split(path: Path) -> Iterator[bytes | str]:
    """The lines, or in place of one that cannot be had the reason; at most a block and a line in memory."""
    unfinished: list[bytes] = []
    length = 0
    with open_bytes(path) as stream:
        while True:
            try:
                # One read of the stream at a time: what stands before a damage is kept to the last line.
                block = stream.read1(_BLOCK)  # type: ignore[attr-defined]
            except Exception as error:
                yield _stream_reason(error)
                return
            if not block:
                break
            first, *more = block.split(b"\n")
            length += len(first)
            unfinished.append(first)
            if length > MAX_LINE_BYTES:  # no longer collected, only measured
                unfinished.clear()
            if more:
                yield _line(unfinished, length)
                unfinished = [more.pop()]
                length = len(unfinished[0])
                yield from more
    if length:
        yield _line(unfinished, length)


def _line(parts: list[bytes], length: int) -> bytes | str:
    if length <= MAX_LINE_BYTES:
        return b"".join(parts)
    limit = MAX_LINE_BYTES // 2**20
    return f"the line is longer than {limit} MB ({length:,} bytes); one row a line is expected"


def _stream_reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        return f"cannot be read any further ({error.strerror or error})"
    if isinstance(error, EOFError | OSError | lzma.LZMAError | zlib.error) or _is_zstd(error):
        return f"the compressed data is damaged or cut off ({error}); fetch or write the file again"
    raise error


def _is_zstd(error: Exception) -> bool:
    return type(error).__name__ == "ZstdError"


def decoded_lines(path: Path, encoding: Encoding) -> Iterator[tuple[int, str | RowError]]:
    """:func:`byte_lines` as text.

    ``"auto"`` decides once for the file, by its first lines that are not plain ASCII (64 KB of them, looked
    for in the first MB): GB18030 if, read as UTF-8, more of their characters are broken than whole, and nine
    lines in ten are valid GB18030; UTF-8 otherwise. The choice of GB18030 is logged as a warning, once.
    """
    check_encoding(encoding)
    lines = byte_lines(path)
    if encoding == "auto":
        encoding, lines = _decide(path, lines)
    for number, line in lines:
        if isinstance(line, RowError):
            yield number, line
            continue
        try:
            text = line.decode(encoding)
        except UnicodeDecodeError as error:
            yield number, RowError(str(path), number, undecodable(error))
        else:
            # The mark also has a spelling in GB18030.
            yield number, text.removeprefix("\ufeff") if number == 1 else text


def check_encoding(encoding: str) -> None:
    """Raise :class:`InputError` for a name that is none of :data:`Encoding`."""
    if encoding not in get_args(Encoding):
        raise InputError(f"encoding {encoding!r}: must be one of {', '.join(get_args(Encoding))}")


def undecodable(error: UnicodeDecodeError) -> str:
    """The reason to reject a line; the byte's place in the line counts from 0."""
    byte = f"(byte 0x{error.object[error.start]:02x} at {error.start})"
    if error.encoding.startswith("utf"):
        return f"not UTF-8 {byte}; convert the file to UTF-8, or read it as gb18030 if it is that"
    return f"not GB18030 {byte}; is that the file's encoding?"


def _decide(
    path: Path, lines: Iterator[tuple[int, bytes | RowError]]
) -> tuple[Encoding, Iterator[tuple[int, bytes | RowError]]]:
    ahead: list[tuple[int, bytes | RowError]] = []
    sample: list[bytes] = []
    read = sampled = 0
    for number, line in lines:
        ahead.append((number, line))
        if isinstance(line, bytes):
            read += len(line) + 1
            if not line.isascii():
                sample.append(line)
                sampled += len(line)
        if sampled >= _SAMPLE or read >= _SAMPLED_PREFIX:
            break
    gb18030 = bool(sample) and _broken_as_utf8(sample) and _valid_as_gb18030(sample)
    if gb18030:
        _announce(str(path))
    return "gb18030" if gb18030 else "utf-8", chain(ahead, lines)


def _broken_as_utf8(sample: list[bytes]) -> bool:
    text = b"\n".join(sample).decode("utf-8", "replace")
    broken = text.count("\ufffd")
    return broken > sum(map(_is_likely, text))


def _is_likely(character: str) -> bool:
    """Whether UTF-8 is likely to mean the character: not ASCII, Hebrew to NKo, private or unassigned.

    贵。很 in GB18030 is a private character in UTF-8, and 很 holds a Syriac one.
    """
    is_written = "\x80" <= character < "\u0590" or character >= "\u0800"
    return is_written and character != "\ufffd" and unicodedata.category(character) not in {"Co", "Cn"}


def _valid_as_gb18030(sample: list[bytes]) -> bool:
    return sum(map(_decodes_as_gb18030, sample)) >= 0.9 * len(sample)


def _decodes_as_gb18030(line: bytes) -> bool:
    try:
        line.decode("gb18030")
    except UnicodeDecodeError:
        return False
    return True


@cache
def _announce(path: str) -> None:
    _log.warning("%s: not UTF-8, read as GB18030", path)
