"""How a batch is divided among devices and processes: who gets which rows and which targets.

No Keras here: worker processes import this file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Batch = dict[str, np.ndarray]

ROWS = ("token_ids", "segment_ids")
"""Arrays that go through the network, a row of the batch each."""

TARGETS = ("positions", "targets", "weights", "mlm_weights")
"""The flat list of targets, see :func:`roformer_sim.training.arrays.make_batch`."""

LIST_STEP = 8
"""Lists of targets of a replica are filled up to a multiple of this."""


def process_part(batch: Batch, devices: int, process: int = 0, processes: int = 1) -> Batch:
    """What one process gives to a computation on ``devices`` devices of all processes together.

    The arrays of all processes, one behind the other, are those of the whole batch: ``positions`` stay
    indices into the whole batch's rows x length, and ``same`` (rows, rows) is cut by its rows. The list of
    targets is filled up first, so that each device gets as many of them.

    Args:
        batch: Of all processes; its rows are a multiple of ``devices``.
        devices: Of all processes together, each process having as many as the others.
        process: Which process, counted from 0.
        processes: How many there are.

    Example:
        >>> from numpy import arange
        >>> process_part({"token_ids": arange(6).reshape(6, 1)}, 2, process=1, processes=2)["token_ids"][:, 0]
        array([3, 4, 5])
    """
    whole = {key: _filled(array, devices) if key in TARGETS else array for key, array in batch.items()}
    return {key: np.split(array, processes)[process] for key, array in whole.items()}


def _filled(array: np.ndarray, devices: int) -> np.ndarray:
    """Each half of a list made a multiple of ``devices`` long; the halves are the two passes of R-Drop."""
    missing = -(len(array) // 2) % devices
    return np.pad(array.reshape(2, -1), ((0, 0), (0, missing))).reshape(-1) if missing else array


def replica_parts(batch: Batch, replicas: int) -> list[Batch]:
    """Batches of replicas that each run the network on their own rows and know the labels of all.

    Each gets ``rows / replicas`` neighbouring rows and the targets in them, ``positions`` counted from its
    own first row. The lists of all replicas are of one length, and targets of a half of the whole list
    stay in that half, at the same place on both sides (R-Drop). What the objectives compare between all
    rows (``same``, ``partners``, ``labels``, ``teacher`` ...) stays whole.

    Args:
        batch: The whole batch; its rows are a multiple of ``replicas``.
        replicas: Their number.
    """
    rows, length = batch["token_ids"].shape
    lists = np.stack([batch[key] for key in TARGETS]).astype(np.float64).reshape(len(TARGETS), 2, -1)
    positions, _, weights, mlm_weights = lists
    share = rows // replicas * length
    owner = np.where(weights + mlm_weights > 0, positions // share, -1)
    longest = max(int(np.count_nonzero(half == k)) for half in owner for k in range(replicas))
    size = max(1, -(-longest // LIST_STEP)) * LIST_STEP
    result = []
    for k in range(replicas):
        own = np.zeros((len(TARGETS), 2, size))
        for half in range(2):
            chosen = lists[:, half, owner[half] == k]
            own[:, half, : chosen.shape[1]] = chosen
            own[0, half, : chosen.shape[1]] -= k * share
        part = dict(batch)
        part |= {key: np.split(batch[key], replicas)[k] for key in ROWS}
        part |= {key: own[i].reshape(-1).astype(batch[key].dtype) for i, key in enumerate(TARGETS)}
        result.append(part)
    return result


@dataclass(frozen=True)
class PartMaker:
    """Makes the batch of a task and keeps this process's part of it."""

    make: Callable[[Any], Batch]
    devices: int
    process: int
    processes: int

    def __call__(self, task: Any) -> Batch:
        return process_part(self.make(task), self.devices, self.process, self.processes)


class PartSource:
    """A batch source of :class:`roformer_sim.training.feeding.Feeder`: this process's part of another's.

    Every process plans and makes the whole batch, which is a function of (seed, epoch, index), and keeps its
    part; so the processes agree without a word between them.
    """

    def __init__(self, source: Any, devices: int, process: int, processes: int) -> None:
        self._source = source
        self.make = PartMaker(source.make, devices, process, processes)

    def __len__(self) -> int:
        return len(self._source)

    def begin_epoch(self, epoch: int) -> None:
        self._source.begin_epoch(epoch)

    def task(self, index: int) -> Any:
        return self._source.task(index)
