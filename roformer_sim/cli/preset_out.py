"""Reading a model that a command changes, and writing the result as a new preset."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from corpus_builder.errors import InputError

if TYPE_CHECKING:
    from roformer_sim.checkpoints import Preset

Made = TypeVar("Made")


def check_new_folder(out: Path) -> None:
    """Refuse a place where something is already.

    Raises:
        InputError: A file, or a folder that is not empty.
    """
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise InputError(f"{out}: is there already; name a new folder, or remove it first")


def load_model(name: str) -> Preset:
    """A shipped preset's name, or any folder that ``from_preset`` knows."""
    from roformer_sim.checkpoints import load_any, resolve_preset

    return load_any(resolve_preset(name))


def save_model(out: Path, preset: Preset, write_more: Callable[[Path], Made]) -> Made:
    """Write a preset and what ``write_more`` puts beside it into the folder, whole or not at all."""
    from roformer_sim.checkpoints.atomic import atomic_folder
    from roformer_sim.checkpoints.preset import write_preset_files

    with atomic_folder(out) as place:
        write_preset_files(place, preset)
        return write_more(place)
