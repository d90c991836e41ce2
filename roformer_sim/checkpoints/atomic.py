"""Folders that are either whole or absent."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from corpus_builder.errors import InputError


@contextmanager
def atomic_folder(target: str | Path) -> Iterator[Path]:
    """Give a temporary sibling to write into; on success it takes the place of ``target``.

    An existing ``target`` is replaced only then. An error or Ctrl-C leaves it as it was and removes
    the temporary folder.

    Raises:
        InputError: The place cannot be written (permissions, full disk, a file in the way).
    """
    target = Path(target)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.partial")
    retired = target.with_name(f".{target.name}.{os.getpid()}.old")
    try:
        if target.exists() and not target.is_dir():
            raise InputError(f"{target}: is a file; a folder is to be written there")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        yield temporary
        for path in temporary.rglob("*"):
            if path.is_file():
                with path.open("rb") as file:
                    os.fsync(file.fileno())
        if target.exists():
            target.replace(retired)
        temporary.replace(target)
    except OSError as error:
        raise InputError(f"{target}: cannot be written: {error.strerror or error}") from error
    finally:
        if not target.exists() and retired.exists():
            retired.replace(target)
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(retired, ignore_errors=True)


def replace_symlink(link: Path, target_name: str) -> None:
    """Point ``link`` at a sibling, in one step."""
    temporary = link.with_name(f".{link.name}.{os.getpid()}.partial")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target_name, target_is_directory=True)
    temporary.replace(link)
