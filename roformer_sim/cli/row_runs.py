"""What the commands share that go through the rows of whole files and can be gone on with."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from roformer_sim import __version__

_RATE_SECONDS = 600.0  # a block of a large model takes minutes, and two of them give a rate


def model_settings(model: str, with_keras: bool) -> dict[str, str]:
    """What results depend on besides the options: the model's files, the program, Keras's backend if Keras
    computes."""
    from roformer_sim.checkpoints import resolve_preset

    digest = hashlib.sha256()
    for path in sorted(resolve_preset(model).iterdir()):
        if path.is_file() and path.suffix != ".md":
            with path.open("rb") as file:
                digest.update(f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return {
        "model (sha256 of its files)": digest.hexdigest()[:16],
        "version": __version__,
        "backend": _backend() if with_keras else "none",
    }


def _backend() -> str:
    import keras

    return str(keras.backend.backend())


@contextmanager
def row_progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """A bar with the rows a second and the time left, on standard error; nothing if that is no terminal."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn(label),
        BarColumn(20),
        TextColumn("{task.percentage:>3.0f}% {task.completed:,.0f} of {task.total:,.0f} rows"),
        _rate_column(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, speed_estimate_period=_RATE_SECONDS) as bar:
        tasks: list[Any] = []

        def on_progress(done: int, total: int) -> None:
            if tasks:
                bar.update(tasks[0], completed=done)
            else:  # what an earlier run did says nothing about the pace of this one
                tasks.append(bar.add_task("", total=total, completed=done))
                bar.update(tasks[0], advance=0)

        yield on_progress


def _rate_column() -> Any:
    from rich.progress import ProgressColumn, Task
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text("" if task.speed is None else f"{task.speed:,.3g} rows/s")

    return Rate()
