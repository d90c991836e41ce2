"""TensorFlow's checkpoint files, read without TensorFlow, which takes seconds to import and 700 MB.

``<prefix>.index`` is a table of LevelDB's kind: blocks of keys in order, each key without what it shares with
the one before, a checksum (CRC-32C, "masked") behind each block, and a footer that says where the block of
blocks lies. Its values are protocol buffers: of the empty key the header, of a variable's name its type,
shape, place and checksum in ``<prefix>.data-00000-of-00001``. Files are named by the prefix and a number, so
that an index cannot point out of its folder.

Reference:
    TensorFlow's tensor_bundle.proto, and LevelDB's table format.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path

import google_crc32c
import numpy as np

from corpus_builder.errors import InputError

_MAGIC = 0xDB4775248B80FB57
_FOOTER, _TRAILER = 48, 5
_BLOCK = 1 << 22
_MOST_SHARDS = 99_999

# Of tensorflow/core/framework/types.proto; others are told by their number.
_TYPES = {1: "<f4", 2: "<f8", 3: "<i4", 9: "<i8", 19: "<f2"}

Message = dict[int, list[int | bytes]]


@dataclass(frozen=True)
class Entry:
    """Where a variable lies.

    Attributes:
        type: Its number in TensorFlow.
        checksum: Masked CRC-32C of its bytes.
    """

    type: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    checksum: int


class TensorBundle:
    """A checkpoint.

    Args:
        prefix: Such as ``.../bert_model.ckpt``.

    Raises:
        InputError: The index is missing, damaged, cut short or of an unknown kind.
    """

    def __init__(self, prefix: Path) -> None:
        self.prefix, self.index = prefix, Path(f"{prefix}.index")
        try:
            self.entries, self.shards = _read_index(self.index.read_bytes())
        except OSError as error:
            raise InputError(f"{self.index}: cannot be read: {error.strerror or error}") from None
        except (ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{self.index}: damaged or truncated: {error}") from None

    def data_file(self, name: str) -> Path:
        """The file a variable lies in."""
        return Path(f"{self.prefix}.data-{self.entries[name].shard:05d}-of-{self.shards:05d}")

    def read(self, name: str) -> np.ndarray:
        """A variable; its checksum is compared.

        Raises:
            InputError: Its file is missing, damaged or cut short; its type is not a number's.
        """
        entry, path = self.entries[name], self.data_file(name)
        if entry.type not in _TYPES:
            raise InputError(f"{self.index}: variable {name} is of TensorFlow's type {entry.type}, no number")
        dtype = np.dtype(_TYPES[entry.type])
        if entry.size != prod(entry.shape) * dtype.itemsize:
            raise InputError(
                f"{self.index}: damaged: variable {name} {list(entry.shape)} of {entry.size} bytes"
            )
        try:
            if path.stat().st_size < entry.offset + entry.size:
                raise ValueError("the file ends before it")
            return _read_checked(path, entry).view(dtype).reshape(entry.shape)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise InputError(f"{path}: missing, damaged or truncated at variable {name}: {reason}") from None


def _read_checked(path: Path, entry: Entry) -> np.ndarray:
    values = np.empty(entry.size, np.uint8)
    checksum = done = 0
    with path.open("rb") as file:
        file.seek(entry.offset)
        while done < entry.size:
            block = file.read(min(_BLOCK, entry.size - done))
            if not block:
                raise ValueError("the file ends before it")
            checksum = google_crc32c.extend(checksum, block)
            values[done : done + len(block)] = np.frombuffer(block, np.uint8)
            done += len(block)
    if _masked(checksum) != entry.checksum:
        raise ValueError("its checksum is another")
    return values


def _masked(checksum: int) -> int:
    return (((checksum >> 15) | (checksum << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def _read_index(content: bytes) -> tuple[dict[str, Entry], int]:
    footer = content[-_FOOTER:]
    if len(footer) < _FOOTER or int.from_bytes(footer[-8:], "little") != _MAGIC:
        raise ValueError("it does not end as an index does")
    _, place = _handle(footer, 0)  # of a block that is always empty
    (offset, size), _ = _handle(footer, place)
    pairs: list[tuple[bytes, bytes]] = []
    for _, where in _entries(_block(content, offset, size)):
        pairs += _entries(_block(content, *_handle(where, 0)[0]))
    if not pairs or pairs[0][0] != b"":
        raise ValueError("it has no header")
    header = _message(pairs[0][1])
    if _number(header, 2):
        raise ValueError("its numbers are big-endian")
    shards = _number(header, 1)
    if not 1 <= shards <= _MOST_SHARDS:
        raise ValueError(f"{shards} data files")
    entries = {name.decode("utf-8"): _entry(_message(value), shards) for name, value in pairs[1:]}
    return entries, shards


def _entry(message: Message, shards: int) -> Entry:
    if 7 in message:
        raise ValueError("a variable lies in slices, as no checkpoint of one machine does")
    shape = _message(_bytes(message, 2)).get(2, [])
    sizes = tuple(_number(_message(size), 1) for size in shape if isinstance(size, bytes))
    found = Entry(*(_number(message, key) if key != 2 else sizes for key in (1, 2, 3, 4, 5, 6)))  # type: ignore[arg-type]
    if found.shard >= shards:
        raise ValueError(f"data file {found.shard} of {shards}")
    return found


def _block(content: bytes, offset: int, size: int) -> bytes:
    """A block without its trailer, its checksum compared."""
    whole = content[offset : offset + size + _TRAILER]
    if len(whole) != size + _TRAILER:
        raise ValueError("it ends within a block")
    if _masked(google_crc32c.value(whole[: size + 1])) != int.from_bytes(whole[size + 1 :], "little"):
        raise ValueError("the checksum of a block is another")
    if whole[size]:
        raise ValueError("it is compressed, as no checkpoint's index is")
    return whole[:size]


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    end = len(block) - 4 * (int.from_bytes(block[-4:], "little") + 1)
    place, key = 0, b""
    while place < end:
        shared, place = _varint(block, place)
        new, place = _varint(block, place)
        length, place = _varint(block, place)
        key = key[:shared] + block[place : place + new]
        place += new
        yield key, block[place : place + length]
        place += length


def _handle(content: bytes, place: int) -> tuple[tuple[int, int], int]:
    offset, place = _varint(content, place)
    size, place = _varint(content, place)
    return (offset, size), place


def _varint(content: bytes, place: int) -> tuple[int, int]:
    """A number of seven bits a byte, the lowest first; and the place behind it."""
    value = 0
    for shift in range(0, 70, 7):
        byte = content[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise ValueError("a number of more than ten bytes")


def _message(content: bytes) -> Message:
    """Fields of a protocol buffer by number."""
    fields: Message = {}
    place = 0
    while place < len(content):
        tag, place = _varint(content, place)
        kind = tag & 7
        value: int | bytes
        if kind == 0:
            value, place = _varint(content, place)
        elif kind == 2:
            length, place = _varint(content, place)
            value, place = content[place : place + length], place + length
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
            value, place = int.from_bytes(content[place : place + length], "little"), place + length
        else:
            raise ValueError(f"a field of kind {kind}")
        if place > len(content):
            raise ValueError("a field ends beyond its message")
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def _number(message: Message, key: int) -> int:
    value = message.get(key, [0])[-1]
    if not isinstance(value, int):
        raise ValueError(f"field {key} is no number")
    return value


def _bytes(message: Message, key: int) -> bytes:
    value = message.get(key, [b""])[-1]
    if not isinstance(value, bytes):
        raise ValueError(f"field {key} is no message")
    return value
