"""What the commands around an index share: opening it with the model it was made with."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from corpus_builder.errors import InputError
from roformer_sim.cli.quiet import load_needed

if TYPE_CHECKING:
    from roformer_sim.retrieval.whitening import Whitening
    from roformer_sim.search import SentenceIndex, TextEncoder

PRESET = "preset"


def encoder_of(model: str, pooling: str | None, maxlen: int, whitening: Whitening | None) -> TextEncoder:
    """A preset, loaded, as the encoder of an index."""
    load_needed(encoding="auto")
    from roformer_sim.model import RoFormerSim
    from roformer_sim.search import preset_encoder

    return preset_encoder(
        RoFormerSim.from_preset(model), name=model, pooling=pooling, maxlen=maxlen, whitening=whitening
    )


def whitening_called(name: str | None, model: str, pooling: str | None) -> Whitening | None:
    """What ``--whiten`` names: a file, or ``preset`` for the one in the preset's folder.

    Raises:
        InputError: There is none.
    """
    if name is None:
        return None
    from roformer_sim.checkpoints import load_any, resolve_preset
    from roformer_sim.retrieval.whitening import Whitening, whitening_path

    if name != PRESET:
        return Whitening.load(name)
    folder = resolve_preset(model)
    return Whitening.load(whitening_path(folder, pooling or load_any(folder).config.pooling))


def open_index(folder: Path, model: str | None = None) -> SentenceIndex:
    """An index with the preset it was made with, found by its name or, moved meanwhile, given as ``model``.

    Raises:
        InputError: See :meth:`roformer_sim.search.SentenceIndex.load`; an index of no preset.
    """
    from roformer_sim.search import SentenceIndex

    index = SentenceIndex.load(folder)
    about = index.manifest.encoder
    name = model or about.get("name")
    if "weights" not in about or not isinstance(name, str) or not name:
        raise InputError(
            f"{folder}: was made from Python, with no preset; search it from there, or give --model"
        )
    pooling, maxlen = about.get("pooling"), about.get("maxlen")
    try:
        encoder = encoder_of(
            name, None if pooling is None else str(pooling), int(maxlen or 256), index.whitening
        )
    except InputError as error:
        raise InputError(f"{folder}: its model cannot be loaded: {error}; --model says where it is") from None
    index.use(encoder)
    return index


@contextmanager
def counted(what: str) -> Iterator[Callable[[int], None]]:
    """Shows a running number on standard error; nothing if that is no terminal."""
    if not sys.stderr.isatty():
        yield lambda count: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description} {task.completed:,.0f}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda count: bar.update(task, completed=count)
