"""Printing rows, and files that appear whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from corpus_builder.errors import InputError
from corpus_builder.writers import AtomicWriter


def print_json(values: Any) -> None:
    """One JSON value on one line of standard output, at once, so that a pipe sees it."""
    print(json.dumps(values, ensure_ascii=False), flush=True)


@contextmanager
def line_writer(path: Path | None) -> Iterator[Callable[[str], None]]:
    """A function that writes a line to ``path``, or to standard output where there is none.

    The file is opened at once, so that a place that cannot be written is known before the work begins.
    """
    if path is None:
        yield lambda line: print(line, flush=True)
        return
    refuse_folder(path)
    with AtomicWriter(path) as out:
        yield out.write_line


@contextmanager
def array_file(path: Path) -> Iterator[IO[bytes]]:
    """A binary file that takes its name when the block ends well; opened at once, as above.

    Raises:
        InputError: the place cannot be written.
    """
    refuse_folder(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        # Also where the folder is none or the name too long, and nothing was ever made.
        if os.path.lexists(temporary):
            temporary.unlink()


def refuse_folder(path: Path) -> None:
    """Raise where a file is to be written and a folder stands."""
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name a file in it")
