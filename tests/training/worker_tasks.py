"""What the tests have done by worker processes; these import this file, so it imports little."""

from __future__ import annotations

import os
import signal
import time

import numpy as np

from corpus_builder.errors import InputError


def after_a_while(task: tuple[int, float]) -> tuple[int, int]:
    """The number of a task that takes some seconds, and who did it."""
    number, seconds = task
    time.sleep(seconds)
    return number, os.getpid()


def named_deed(task: str) -> str:
    """Does what its name says."""
    if task == "refuse":
        raise InputError("groups.jsonl, line 7: a group of one sentence")
    if task == "fail":
        raise ZeroDivisionError("one pair by none")
    if task == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    return task


def counted_batch(task: tuple[int, int, int]) -> dict[str, np.ndarray]:
    """A batch that says which it is; a width of 0 is refused."""
    epoch, index, width = task
    if width == 0:
        raise InputError(f"batch {index}: no text")
    return {"number": np.full((2, width), 100 * epoch + index, np.int32)}


class CountedBatches:
    """Batches that say which they are, their widths given."""

    make = staticmethod(counted_batch)

    def __init__(self, widths: list[int]) -> None:
        self.widths = widths

    def __len__(self) -> int:
        return len(self.widths)

    def begin_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def task(self, index: int) -> tuple[int, int, int]:
        return self.epoch, index, self.widths[index]
