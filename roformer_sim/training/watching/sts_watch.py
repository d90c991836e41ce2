"""Measures a model now and then while it trains: STS, alignment, uniformity, or whatever it is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from roformer_sim.training.watching.metrics_file import Row

Measure = Callable[[Any], dict[str, float]]
"""The model that is being trained to figures by name."""


class StsWatch(keras.callbacks.Callback):
    """Calls a function each N steps or at the end of each epoch, and once before the first step.

    At the end of an epoch the figures join its logs (measured then if that was not done at that step), so
    that the best model can be chosen by them. It comes after validation and before the checkpoint.

    Args:
        measure: What to call with the model. Evaluation comes later in the data's way than training, which
            may not know it; so the command line hands in a function around
            :class:`roformer_sim.evaluation.sts_probe.StsProbe`.
        every: Steps between two measurements; ``None`` for once an epoch.
    """

    def __init__(self, measure: Measure, every: int | None = None) -> None:
        super().__init__()
        self.measure, self.every = measure, every
        self.latest: Row | None = None
        self._first = self._measured = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._first = self._measured = epoch * (self.params["steps"] or 0)
        if epoch == 0:
            self._run()

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        done = self._first + batch
        if self.every is not None and done // self.every > self._measured // self.every:
            self._measured = done
            self._run()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._run()
        if logs is not None and self.latest is not None:
            logs.update(self.latest)

    def take(self) -> Row | None:
        """Figures measured since the last call, or ``None``."""
        row, self.latest = self.latest, None
        return row

    def _run(self) -> None:
        # On JAX asking for the model brings its weights up to date; while an epoch runs, the loop holds them.
        self.latest = self.measure(self.model)
