"""Folders that are either whole or absent."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from corpus_builder.errors import InputError
from corpus_builder.writers.part_file import is_running


@contextmanager
def atomic_folder(target: str | Path) -> Iterator[Path]:
    """Give a temporary sibling to write into; on success it takes the place of ``target``.

    An existing ``target`` is replaced only then. An error or Ctrl-C leaves it as it was and removes
    the temporary folder. What was written is on the disk, not only in the system's memory, before it
    is seen under its name, so that a power failure cannot leave a folder with files cut short.

    Raises:
        InputError: The place cannot be written (permissions, full disk, a file in the way).
    """
    target = Path(target)
    temporary, retired = _hidden(target, "partial"), _hidden(target, "old")
    try:
        if target.exists() and not target.is_dir():
            raise InputError(f"{target}: is a file; a folder is to be written there")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        yield temporary
        for path in [*temporary.rglob("*"), temporary]:
            _sync(path)
        if target.exists():
            target.replace(retired)
        temporary.replace(target)
        _sync(target.parent)
    except OSError as error:
        raise InputError(f"{target}: cannot be written: {error.strerror or error}") from error
    finally:
        if not target.exists() and retired.exists():
            retired.replace(target)
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(retired, ignore_errors=True)


def remove_folder(path: Path) -> None:
    """Delete a folder so that it is never seen half deleted under its name."""
    retired = _hidden(path, "old")
    shutil.rmtree(retired, ignore_errors=True)
    path.replace(retired)
    shutil.rmtree(retired, ignore_errors=True)


def replace_symlink(link: Path, target_name: str) -> None:
    """Point ``link`` at a sibling, in one step.

    Raises:
        InputError: It cannot be written.
    """
    temporary = _hidden(link, "partial")
    try:
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(target_name, target_is_directory=True)
        temporary.replace(link)
    except OSError as error:
        raise InputError(f"{link}: cannot be written: {error.strerror or error}") from error


def remove_leftovers(parent: Path) -> None:
    """Delete what processes that were killed here had begun to write or to delete."""
    for path in parent.glob(".*"):
        found = re.fullmatch(r"\..+\.(\d+)\.(partial|old)", path.name)
        if found is None or is_running(int(found[1])):
            continue
        if path.is_symlink():
            path.unlink(missing_ok=True)
        else:
            shutil.rmtree(path, ignore_errors=True)


def _hidden(path: Path, ending: str) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.{ending}")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
