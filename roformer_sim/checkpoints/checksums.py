"""Is a folder still what was written? Sizes and checksums of its files, in a file beside them."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

from corpus_builder.errors import InputError
from roformer_sim.checkpoints.preset import read_json

CHECKSUMS = "checksums.json"

_BLOCK = 1 << 22


def write_checksums(folder: Path) -> None:
    """Note size in bytes and CRC-32 of every file of ``folder`` in its ``checksums.json``.

    CRC-32 finds damage, not malice, and costs a third of a second for a gigabyte.
    """
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != CHECKSUMS)
    values = {path.name: {"bytes": path.stat().st_size, "crc32": _crc32(path)} for path in files}
    # No newline at the end: cut anywhere, this file is no JSON any more.
    (folder / CHECKSUMS).write_text(json.dumps(values, indent=2), encoding="utf-8")


def find_damage(folder: Path) -> str | None:
    """What is wrong with a folder that :func:`write_checksums` saw, ``None`` if nothing is.

    Files that came later do not count. Sizes are compared before any content is read.
    """
    try:
        values = read_json(folder / CHECKSUMS)
        noted = {str(name): (int(entry["bytes"]), str(entry["crc32"])) for name, entry in values.items()}
    except (InputError, KeyError, TypeError, ValueError):
        return f"{CHECKSUMS} is missing or damaged"
    try:
        for name, (size, _) in noted.items():
            if not (folder / name).is_file():
                return f"{name} is missing"
            found = (folder / name).stat().st_size
            if found != size:
                return f"{name} has {found} bytes, {size} were written"
        for name, (_, checksum) in noted.items():
            if _crc32(folder / name) != checksum:
                return f"{name} is not what was written (checksum)"
    except OSError as error:
        return f"{name} cannot be read ({error.strerror or error})"
    return None


def _crc32(path: Path) -> str:
    value = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            value = zlib.crc32(block, value)
    return f"{value:08x}"
