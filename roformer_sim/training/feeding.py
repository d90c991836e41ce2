"""Batches made ahead of the training step, by a thread or by processes, always the same in the same order.

What stands in a batch is a function of (seed, epoch, index). It is decided in the training process, where the
corpus is; a worker gets the few sentences of its batch and makes arrays of them. So it costs no copy of the
corpus, and neither the number of workers nor the place a run was resumed at changes a batch.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from queue import Empty, Full, Queue
from types import TracebackType
from typing import Any, Protocol

import keras
import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.training.workers import Workers

Batch = dict[str, np.ndarray]

BATCHES_AHEAD = 8
"""Finished batches that wait for the training step."""


class BatchSource(Protocol):
    """The batches of one epoch at a time. A feeder has it for itself: it is asked from another thread."""

    def __len__(self) -> int:
        """Batches of an epoch."""
        ...

    def begin_epoch(self, epoch: int) -> None:
        """Go to an epoch, counted from 0; what follows is a function of it, not of the epochs before."""
        ...

    def task(self, index: int) -> Any:
        """What batch ``index`` of the epoch is to be made of: small and picklable, such as its sentences."""
        ...

    @property
    def make(self) -> Callable[[Any], Batch]:
        """Makes a batch of a task. With workers picklable and best defined in a module without Keras."""
        ...


class Feeder:
    """Feeds the batches of a source to ``model.fit``.

    Args:
        source: Says what the batches are; see :class:`BatchSource`.
        workers: Processes that make them. 0 makes them in a thread of the training process, which is enough
            wherever one core makes batches faster than the model takes them (docs/training.md has figures).
        on_batch: Called in this process with the number of each batch, counted from 0 over all epochs, and
            the batch, before the model gets it.

    Raises:
        InputError: ``workers`` is negative, an epoch has no batches, or the source's ``make`` cannot be sent
            to processes.

    Example:
        >>> with Feeder(batches, workers=2) as feeder:  # doctest: +SKIP
        ...     model.fit(feeder.from_position(3), steps_per_epoch=len(batches), initial_epoch=3, epochs=8)

    Use it in a ``with`` statement: that ends the processes, and an error of the source or of a worker leaves
    the statement as itself, whatever the backend's input pipeline had made of it.
    """

    def __init__(
        self,
        source: BatchSource,
        workers: int = 0,
        on_batch: Callable[[int, Batch], None] | None = None,
    ) -> None:
        if workers < 0:
            raise InputError(f"workers is {workers}; give 0 or more")
        if not len(source):
            raise InputError("an epoch of no batches; give the source one or more")
        self.source, self.on_batch = source, on_batch
        self._workers = Workers(source.make, workers) if workers else None
        self._stream: _Stream | None = None
        self._failure: Exception | None = None

    def batches(self, epoch: int = 0, index: int = 0) -> Iterator[Batch]:
        """Endless batches from batch ``index`` of ``epoch`` on, epoch after epoch.

        A feeder has one such iterator at a time; the one before it ends.
        """
        self._end_stream()
        stream = self._stream = _Stream(self._made(self._tasks(epoch, index)))
        try:
            for number, batch in enumerate(stream, epoch * len(self.source) + index):
                if self.on_batch is not None:
                    self.on_batch(number, batch)
                yield batch
        except Exception as error:
            self._failure = error
            raise
        finally:
            stream.close()

    def from_position(self, epoch: int = 0, index: int = 0) -> Any:
        """What ``model.fit`` takes, given with ``steps_per_epoch``: :meth:`batches` from there on.

        An interrupted epoch is finished by a ``fit`` of one epoch with as many steps as are left of it.
        """
        if keras.backend.backend() == "tensorflow":
            from roformer_sim.training.feeding_tensorflow import dataset

            return dataset(self, epoch, index)
        return _Sequence(self, epoch, index)

    def close(self) -> None:
        """End thread and processes; more than once does no harm."""
        self._end_stream()
        if self._workers is not None:
            self._workers.close()

    def __enter__(self) -> Feeder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if self._failure is not None and isinstance(error, Exception) and error is not self._failure:
            raise self._failure from None

    def _tasks(self, epoch: int, index: int) -> Iterator[Any]:
        while True:
            self.source.begin_epoch(epoch)
            for i in range(index, len(self.source)):
                yield self.source.task(i)
            epoch, index = epoch + 1, 0

    def _made(self, tasks: Iterator[Any]) -> Iterator[Batch]:
        return map(self.source.make, tasks) if self._workers is None else self._workers.map(tasks)

    def _end_stream(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None


class _Sequence(keras.utils.PyDataset):
    """Batch i is the i-th after the start; reading on is prefetched, any other reading begins there anew."""

    def __init__(self, feeder: Feeder, epoch: int, index: int) -> None:
        super().__init__()
        self._feeder, self._steps = feeder, len(feeder.source)
        self._begin = epoch * self._steps + index
        self._next, self._batches = -1, feeder.batches(epoch, index)

    @property
    def num_batches(self) -> None:
        return None

    def __getitem__(self, index: int) -> tuple[Batch]:
        if index != self._next:
            self._batches = self._feeder.batches(*divmod(self._begin + index, self._steps))
        self._next = index + 1
        return (next(self._batches),)


class _Stream:
    """Items of an iterator, fetched ahead by a thread of its own; an exception comes in its place."""

    def __init__(self, items: Iterator[Batch]) -> None:
        self._items = items
        self._queue: Queue[Batch | Exception | None] = Queue(BATCHES_AHEAD)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="batches", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Batch]:
        while not self._stopped.is_set():
            try:
                item = self._queue.get(timeout=0.1)
            except Empty:
                continue
            if item is None:
                return
            if isinstance(item, Exception):
                raise item
            yield item

    def close(self) -> None:
        """Stop after what is being made now."""
        self._stopped.set()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        try:
            for item in self._items:
                if not self._put(item):
                    return
            self._put(None)
        except Exception as error:
            self._put(error)
        finally:
            close = getattr(self._items, "close", None)
            if close is not None:
                close()

    def _put(self, item: Batch | Exception | None) -> bool:
        while not self._stopped.is_set():
            try:
                self._queue.put(item, timeout=0.1)
                return True
            except Full:
                pass
        return False
