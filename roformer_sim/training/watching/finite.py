"""Stops a run at the first loss or weight that is no finite number, before anything is saved."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import keras
from keras import ops

from roformer_sim.training.watching.diverged import TrainingDiverged


class _Found(NamedTuple):
    step: int
    names: list[str]
    values: list[float]


class StopWhenNotFinite(keras.callbacks.Callback):
    """Raises :class:`TrainingDiverged` at NaN or infinity; comes first, before validation and checkpoint.

    Losses are looked at after each step, in Keras's own threads (``async_safe``): the training loop does
    not wait for the device, and hears of it one step later. Weights are looked at before an epoch's
    checkpoint: a finite loss may still have had a gradient that was none.

    Args:
        learning_rate: Of a step, counted from 0 over the whole run.
        last_good: The last complete checkpoint, or ``None`` if there is none yet.
    """

    async_safe = True

    def __init__(
        self, learning_rate: Callable[[int], float], last_good: Callable[[], Path | None] = lambda: None
    ) -> None:
        super().__init__()
        self.learning_rate, self.last_good = learning_rate, last_good
        self._lock = threading.Lock()
        self._found: _Found | None = None
        self._epoch = self._first = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._epoch, self._first = epoch, epoch * (self.params["steps"] or 0)

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._raise_if_found()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        wrong = {name: value for name, value in (logs or {}).items() if not math.isfinite(value)}
        if not wrong:
            return
        # `loss` is the sum and says the least.
        names = sorted(wrong, key=lambda name: (name == "loss", name.endswith("accuracy"), name))
        found = _Found(self._first + batch + 1, names, [wrong[name] for name in names])
        with self._lock:
            # Steps may be looked at in any order; means since the epoch began stay NaN from the first on.
            if self._found is None or found.step < self._found.step:
                self._found = found

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._raise_if_found()
        wrong = not_finite(self.model.trainable_variables)
        if wrong:
            done = self._first + (self.params["steps"] or 0)
            what = f"{len(wrong)} weights, first {wrong[0]}, are no longer finite numbers"
            raise TrainingDiverged(self._message(done, f"{what}, though the losses still were"))

    def _raise_if_found(self) -> None:
        with self._lock:
            found = self._found
        if found is not None:
            terms = ", ".join(
                f"{name} is {value}" for name, value in zip(found.names, found.values, strict=True)
            )
            raise TrainingDiverged(self._message(found.step, terms))

    def _message(self, step: int, what: str) -> str:
        rate = self.learning_rate(max(step - 1, 0))
        last = self.last_good()
        if last is None:
            kept = "no checkpoint was complete yet"
        else:
            kept = f"the last good checkpoint is {last}, nothing later was saved"
        return (
            f"training stopped at step {step:,} (epoch {self._epoch + 1}, learning rate {rate:.3g}): {what}; "
            f"{kept}. The same recipe would meet the same batches: try a lower train.learning_rate, more "
            "train.warmup_steps, train.clip_norm of 1 or less, or train.dtype float32, with another --output"
        )


def not_finite(variables: Any) -> list[str]:
    """Paths of the variables that hold NaN or infinity."""
    return [variable.path for variable in variables if not bool(ops.all(ops.isfinite(variable.value)))]
