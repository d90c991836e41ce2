"""Scalars for TensorBoard, written with its own package alone: on JAX nothing of TensorFlow is needed."""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path
from typing import Any

from corpus_builder.errors import InputError
from roformer_sim.training.watching.metrics_file import Row

_PLACES = ("step", "epoch", "seconds", "tokens")


class TensorBoardEvents:
    """A curve for each figure: ``train/loss`` and ``validation/loss`` in one run, STS and speed beside them.

    A resumed run goes on with the same curves; points after ``resume_step`` are taken back, as TensorBoard
    does where a new event file says that the session was started again at an earlier step.

    Args:
        folder: Where the event files are.
        resume_step: Steps that the checkpoint to go on from has done.

    Raises:
        InputError: The folder cannot be written.
    """

    def __init__(self, folder: str | Path, resume_step: int = 0) -> None:
        from tensorboard.compat.proto import event_pb2
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._event: Any = event_pb2.Event
        try:
            self._writer = EventFileWriter(str(folder), flush_secs=30)
        except OSError as error:
            raise InputError(f"{folder}: cannot be written: {error.strerror or error}") from error
        start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
        self._add(step=resume_step + 1, session_log=start)

    def append(self, row: Row) -> None:
        """Add a point of each figure."""
        from tensorboard.compat.proto.summary_pb2 import Summary

        values = [
            Summary.Value(tag=tag(name), simple_value=value)
            for name, value in row.items()
            if name not in _PLACES
        ]
        self._add(step=int(row["step"]), summary=Summary(value=values))
        self._writer.flush()

    def _add(self, **fields: Any) -> None:
        self._writer.add_event(self._event(wall_time=time.time(), **fields))


def tag(name: str) -> str:
    """Name of a figure's curve in TensorBoard.

    >>> tag("val_loss"), tag("loss"), tag("sts_ATEC"), tag("tokens_per_second")
    ('validation/loss', 'train/loss', 'sts/ATEC', 'run/tokens_per_second')
    """
    if name.startswith("val_"):
        return "validation/" + name.removeprefix("val_")
    if name.startswith("sts_"):
        return "sts/" + name.removeprefix("sts_")
    if name in ("alignment", "uniformity"):
        return "geometry/" + name
    if name in ("tokens_per_second", "learning_rate"):
        return "run/" + name
    return "train/" + name


def tensorboard_available() -> bool:
    """Whether TensorBoard is installed; where it is not, one line says so."""
    if importlib.util.find_spec("tensorboard") is not None:
        return True
    print("no TensorBoard events: it is not installed (pip install 'roformer-sim[tensorboard]')")
    return False
