"""Writes what was measured: one row for each interval, to metrics.csv and wherever else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras

from roformer_sim.training.watching.interval_figures import IntervalFigures
from roformer_sim.training.watching.metrics_file import Row
from roformer_sim.training.watching.sts_watch import StsWatch

Sink = Callable[[Row], None]


class Recorder(keras.callbacks.Callback):
    """Joins the figures of an interval with STS figures and the epoch's validation, and hands the row on.

    It comes after the callbacks it reads and after validation, and before the checkpoint: what a checkpoint
    stands behind is then already written, and a run that goes on from it cuts off what came later.

    Args:
        figures: Measures the intervals.
        sinks: What rows go to: ``MetricsFile.append``, ``TensorBoardEvents.append``.
        sts: Measures the model, if anything does.
    """

    def __init__(self, figures: IntervalFigures, sinks: Sequence[Sink], sts: StsWatch | None = None) -> None:
        super().__init__()
        self.figures, self.sinks, self.sts = figures, list(sinks), sts
        self._step = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._step = epoch * (self.params["steps"] or 0)
        if epoch == 0:
            # The network as it was before training.
            self._write({"step": 0, "epoch": 0, "seconds": self.figures.seconds}, None)

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._write(self.figures.take(), self._step + batch)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        row = self.figures.take()
        assert row is not None, "IntervalFigures comes before Recorder"
        held = {name: value for name, value in (logs or {}).items() if name.startswith("val_")}
        self._write({**row, **held}, None)

    def _write(self, row: Row | None, step: int | None) -> None:
        measured = self.sts.take() if self.sts is not None else None
        if row is None and measured is not None:
            row = {"step": float(step or 0), "epoch": self.figures.epoch, "seconds": self.figures.seconds}
        if row is None or (row["step"] == 0 and not measured):
            return
        for sink in self.sinks:
            sink({**row, **(measured or {})})
        self.figures.restart_clock()
