"""Several devices of one process, or of several, on JAX: ``keras.distribution.DataParallel``.

Arrays are those of the whole batch, divided by rows; JAX's compiler adds the communication. The objectives
therefore see all rows, as on one device, and nothing of them is written anew here.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import jax
import keras
import numpy as np
from jax.experimental import multihost_utils

from corpus_builder.errors import InputError
from roformer_sim.checkpoints.weights import assign_weights, read_weights
from roformer_sim.models import Backbone
from roformer_sim.training.devices import Devices, chosen_of
from roformer_sim.training.devices_parts import PartSource, process_part
from roformer_sim.training.feeding import BatchSource
from roformer_sim.training.model import MultiTaskModel


class JaxDevices(Devices):
    """``asked`` devices of this process, or all of all processes.

    Args:
        asked: Their number, or "all".
        together: Join the other processes, as the variables ``KERAS_DISTRIBUTION_...`` say.
    """

    def __init__(self, asked: int | str, together: bool) -> None:
        if together and not jax.distributed.is_initialized():
            _join()
        found = keras.distribution.list_devices()
        chosen = chosen_of(found, asked, "JAX")
        self.count = len(chosen)
        self.process, self.processes = jax.process_index(), jax.process_count()
        self.writes = self.process == 0
        # Each process gives its own part of a batch; Keras would divide tf.data alone.
        self._distribution = keras.distribution.DataParallel(devices=chosen, auto_shard_dataset=False)
        self._copy: Backbone | None = None

    def scope(self) -> AbstractContextManager[Any]:
        return self._distribution.scope()

    def make_model(self, *arguments: Any, **settings: Any) -> MultiTaskModel:
        return ShardedModel(*arguments, part=(self.count, self.process, self.processes), **settings)

    def source(self, source: BatchSource) -> BatchSource:
        return PartSource(source, self.count, self.process, self.processes)

    @contextmanager
    def evaluated(self, backbone: Backbone) -> Iterator[Backbone]:
        """A copy on this process's first device: the network itself runs only where all processes run it."""
        before = keras.distribution.distribution()
        keras.distribution.set_distribution(None)
        try:
            if self._copy is None:
                self._copy = Backbone(backbone.config, dtype=backbone.dtype_policy, name="evaluated")
            assign_weights(self._copy, read_weights(backbone), "the network in training")
            yield self._copy
        finally:
            keras.distribution.set_distribution(before)

    def check_agree(self, name: str, value: int) -> None:
        if self.processes == 1:
            return
        found = np.asarray(multihost_utils.process_allgather(np.uint32(value))).reshape(-1)
        if len(set(found.tolist())) > 1:
            raise InputError(
                f"{name} differs between the processes ({', '.join(map(str, found))}); all need the same "
                "recipe and files, and the same --output, on a disk that all see"
            )

    def check_same_batches(self, source: BatchSource) -> None:
        if self.processes == 1:
            return
        source.begin_epoch(0)
        batch = source.make(source.task(0))
        checksum = 0
        for name in sorted(batch):
            checksum = zlib.crc32(np.ascontiguousarray(batch[name]).tobytes(), checksum)
        self.check_agree("the first batch (its checksum)", checksum)

    def wait(self) -> None:
        if self.processes > 1:
            multihost_utils.sync_global_devices("end of training")


class ShardedModel(MultiTaskModel):
    """Takes whole batches where Keras expects this process's part."""

    def __init__(self, *arguments: Any, part: tuple[int, int, int], **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._part = part

    def test_on_batch(self, x: Any, *arguments: Any, **settings: Any) -> Any:
        return super().test_on_batch(process_part(x, *self._part), *arguments, **settings)


def _join() -> None:
    try:
        keras.distribution.initialize()
    except (RuntimeError, ValueError) as error:
        raise InputError(f"the processes cannot be joined: {str(error).splitlines()[0]}") from None
