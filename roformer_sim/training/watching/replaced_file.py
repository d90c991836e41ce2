"""A file that is there whole, as it was or as it is to be."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from corpus_builder.errors import InputError


def replace_file(path: Path, content: bytes) -> None:
    """Write beside ``path`` and rename; on disk when this returns.

    Raises:
        InputError: The place cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error
