"""At the end of a run: the curves, and a model card in the best and the last preset."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import keras

from roformer_sim.training.watching.curves import draw_curves, plots_available
from roformer_sim.training.watching.metrics_file import METRICS, MetricsFile, read_metrics
from roformer_sim.training.watching.model_card import CARD, CURVES, write_model_card


class Report(keras.callbacks.Callback):
    """Draws ``curves.png`` after a checkpoint, and at the end copies it into the presets, with their cards.

    It comes after the checkpoint. Without Matplotlib there are no curves, which is said once.

    Args:
        folder: Of the run.
        metrics: Its rows.
        presets: The best and the last checkpoint, asked for at the end.
        name: What the model is called in its card; the run folder's name by default.
        every_seconds: Curves are drawn again after so long, not after each short epoch: it takes a second.
        curves: Whether to draw them at all.
    """

    def __init__(
        self,
        folder: str | Path,
        metrics: MetricsFile,
        presets: Callable[[], Iterable[Path]],
        name: str | None = None,
        every_seconds: float = 300.0,
        curves: bool = True,
    ) -> None:
        super().__init__()
        self.folder, self.metrics, self.presets = Path(folder), metrics, presets
        self.name, self.every_seconds = name or self.folder.resolve().name, every_seconds
        self._drawn, self._rows = -math.inf, 0
        self._wanted = curves
        self._plots = curves and plots_available()

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        if self._wanted and not self._plots:
            print("no curves.png: Matplotlib is not installed (pip install 'roformer-sim[plots]')")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if time.monotonic() - self._drawn >= self.every_seconds:
            self._draw()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._draw()
        _write_cards(self.presets(), self.name, self.folder / CURVES)

    def _draw(self) -> None:
        if self._plots and len(self.metrics.rows) > self._rows:
            self._rows = len(self.metrics.rows)
            draw_curves(self.metrics.rows, self.folder / CURVES, self.name)
            self._drawn = time.monotonic()


def write_missing_cards(folder: Path) -> None:
    """The curves and cards of a run that was killed after its last checkpoint."""
    presets = [folder / "best", folder / "last"]
    if all((preset / CARD).is_file() for preset in presets):
        return
    metrics = folder / METRICS
    if metrics.is_file() and plots_available():
        draw_curves(read_metrics(metrics), folder / CURVES, folder.resolve().name)
    _write_cards(presets, folder.resolve().name, folder / CURVES)


def _write_cards(presets: Iterable[Path], name: str, curves: Path) -> None:
    for place in dict.fromkeys(Path(preset).resolve() for preset in presets):
        write_model_card(place, name, curves)
