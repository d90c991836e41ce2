"""Batches for ``model.fit`` on the TensorFlow backend."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

if TYPE_CHECKING:
    from roformer_sim.training.feeding import Feeder

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's ``mallopt``."""


def dataset(feeder: Feeder, epoch: int, index: int) -> tf.data.Dataset:
    """``feeder.batches(epoch, index)`` as a dataset whose arrays may have any width.

    Keras would read off the first two batches which widths vary, and fail at a later one of another width.
    """

    def batches() -> Iterator[dict[str, np.ndarray]]:
        keep_freed_memory()
        return feeder.batches(epoch, index)

    first = next(feeder.batches(epoch, index))
    signature = {name: tf.TensorSpec([None] * array.ndim, array.dtype) for name, array in first.items()}
    made = tf.data.Dataset.from_generator(batches, output_signature=signature)
    return made.map(lambda batch: (batch,)).prefetch(2)


def keep_freed_memory() -> None:
    """Let the process keep what a training step frees, for the next one.

    A generator's dataset makes TensorFlow hand freed memory back to the system at once (it sets
    ``M_TRIM_THRESHOLD`` to 128 KB, which also fixes the size from which memory is mapped anew); each step
    then pays for having every page of its activations cleared again. Called when the generator begins,
    which is after TensorFlow did so. Without glibc nothing happens.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
        mallopt(M_MMAP_THRESHOLD, 2**30)
