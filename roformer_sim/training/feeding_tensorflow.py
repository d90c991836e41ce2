"""Batches for ``model.fit`` on the TensorFlow backend."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf

if TYPE_CHECKING:
    from roformer_sim.training.feeding import Feeder


def dataset(feeder: Feeder, epoch: int, index: int) -> tf.data.Dataset:
    """``feeder.batches(epoch, index)`` as a dataset whose arrays may have any width.

    Keras would read off the first two batches which widths vary, and fail at a later one of another width.
    """
    first = next(feeder.batches(epoch, index))
    signature = {name: tf.TensorSpec([None] * array.ndim, array.dtype) for name, array in first.items()}
    made = tf.data.Dataset.from_generator(lambda: feeder.batches(epoch, index), output_signature=signature)
    return made.map(lambda batch: (batch,)).prefetch(2)
