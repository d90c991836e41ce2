"""Figures of the steps since the last line: the exact mean of each term, speed, learning rate."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import keras
from keras import ops

from roformer_sim.training.watching.metrics_file import Row


class IntervalFigures(keras.callbacks.Callback):
    """Measures every ``every`` steps, and at the end of each epoch; comes before whatever resets metrics.

    Keras logs means since the epoch began. Here each term is its mean over the interval, from the
    differences of the sums that :class:`keras.metrics.Mean` keeps, with the weights the model gave; a term
    whose weights were all 0 has no figure.

    It listens to the beginnings of batches: a callback that listens to their ends makes Keras fetch all
    logs from the device after each step.

    Args:
        every: Steps of an interval.
        learning_rate: Of a step, counted from 0 over the whole run.
        tokens_of: Useful tokens of a step, ``None`` where unknown.
        seconds: Time the run has already taken.
        tokens: Tokens it has already seen.
    """

    def __init__(
        self,
        every: int,
        learning_rate: Callable[[int], float],
        tokens_of: Callable[[int], int | None] | None = None,
        *,
        seconds: float = 0.0,
        tokens: int = 0,
    ) -> None:
        super().__init__()
        self.every, self.learning_rate, self.tokens_of = every, learning_rate, tokens_of
        self.tokens: int | None = tokens if tokens_of is not None else None
        self.latest: Row | None = None
        self._seconds_before, self._began = seconds, time.perf_counter()
        self._sums: dict[str, tuple[float, float]] = {}
        self._epoch = self._first = self._counted = self._measured = 0
        self._speed = _Speed()

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._began = time.perf_counter()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._epoch, self._first = epoch, epoch * (self.params["steps"] or 0)
        self._counted = self._measured = self._first
        self._sums = {}
        self._speed.start()

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        done = self._first + batch
        self._count(done)
        if done // self.every > self._measured // self.every:
            self._measure(done)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        done = self._first + (self.params["steps"] or self._counted + 1 - self._first)
        self._count(done)
        self._measure(done)

    def take(self) -> Row | None:
        """Figures measured since the last call, or ``None``."""
        row, self.latest = self.latest, None
        return row

    def restart_clock(self) -> None:
        """Begin to time steps here: what was measured and written until now is no training."""
        self._speed.start()

    @property
    def epoch(self) -> int:
        """The epoch that runs, counted from 1."""
        return self._epoch + 1

    @property
    def seconds(self) -> float:
        """Time of the whole run, its earlier parts included, pauses between them not."""
        return self._seconds_before + time.perf_counter() - self._began

    def _count(self, done: int) -> None:
        for step in range(self._counted, done):
            tokens = self.tokens_of(step) if self.tokens_of is not None else None
            self._speed.add(tokens)
            self.tokens = None if tokens is None or self.tokens is None else self.tokens + tokens
        self._counted = done

    def _measure(self, done: int) -> None:
        # On JAX this fetches the state of the running epoch from the training loop.
        sums = _sums(self.model.metrics)
        speed = self._speed.stop()
        row: Row = {"step": done, "epoch": self.epoch, "seconds": self.seconds}
        if self.tokens is not None:
            row["tokens"] = self.tokens
        if speed is not None:
            row["tokens_per_second"] = speed
        row["learning_rate"] = self.learning_rate(done - 1)
        for name, (total, count) in sums.items():
            earlier_total, earlier_count = self._sums.get(name, (0.0, 0.0))
            if count > earlier_count:
                row[name] = (total - earlier_total) / (count - earlier_count)
        self._sums, self._measured, self.latest = sums, done, row


class _Speed:
    """Useful tokens a second of an interval, without the first step of the process, which compiles."""

    def __init__(self) -> None:
        self._warm = False
        self.start()

    def start(self) -> None:
        self._began, self._tokens, self._steps = time.perf_counter(), 0, 0
        self._known = True

    def add(self, tokens: int | None) -> None:
        """A step is done."""
        if not self._warm:
            self._warm = True
            self.start()
            return
        self._steps += 1
        self._known &= tokens is not None
        self._tokens += tokens or 0

    def stop(self) -> float | None:
        """Speed since the start; ``None`` for no step, or steps whose tokens are not known."""
        elapsed = time.perf_counter() - self._began
        return self._tokens / elapsed if self._steps and self._known and elapsed > 0 else None


def _sums(metrics: Iterable[Any]) -> dict[str, tuple[float, float]]:
    """Weighted sum and sum of weights so far in the epoch, of each mean."""
    return {
        metric.name: (
            float(ops.convert_to_numpy(metric.total)),
            float(ops.convert_to_numpy(metric.count)),
        )
        for metric in metrics
        if isinstance(metric, keras.metrics.Mean)
    }
