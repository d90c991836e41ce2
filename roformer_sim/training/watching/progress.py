"""Keras's progress bar with each loss term, tokens a second and the time left; plain lines in a log file."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import keras

from roformer_sim.training.watching.pace import Pace, clock

BAR = 8
"""Characters of the bar itself; Keras's 20 leave no room for the figures."""

DRAW_SECONDS = 0.1
"""The bar is drawn no more often; it costs a millisecond."""

LINE_SECONDS, LONGEST_SILENCE = 30.0, 600.0
"""In a log file, a line at each tenth of an epoch, not more often than the first, not more seldom than the
second."""


class Progress(keras.callbacks.ProgbarLogger):
    """Takes the place of the bar that ``fit`` would add by itself.

    On a terminal one line: the epoch's bar and its time left, each loss term, learning rate, useful tokens
    a second, time since the start and until the end of the whole run. A bar that takes two lines cannot be
    drawn over itself; what the terminal is too narrow for, accuracies and the learning rate first, stands in
    a full line above the bar now and then. Elsewhere there are these lines alone, without control characters.

    Args:
        learning_rate: Of a step, counted from 0 over the whole run.
        tokens_of: Useful tokens of a step, ``None`` where unknown.
    """

    # Logs are fetched from the device in Keras's threads, and drawn there; the training loop goes on.
    async_safe = True

    def __init__(
        self,
        learning_rate: Callable[[int], float],
        tokens_of: Callable[[int], int | None] | None = None,
    ) -> None:
        super().__init__()
        self.learning_rate, self.tokens_of = learning_rate, tokens_of
        self.pace = Pace()
        self._lock = threading.Lock()
        self._began = time.perf_counter()
        self._epoch, self._line_time, self._line_tenth = 0, 0.0, 0
        self._terminal, self._drawn = False, 0.0
        self._shown_names: list[str] = []

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        super().on_train_begin(logs)
        self._terminal = sys.stdout.isatty() or "ipykernel" in sys.modules
        self._began = time.perf_counter()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        now = time.perf_counter()
        self._epoch, self._line_time, self._line_tenth, self._shown_names = epoch, now, 0, []
        self.seen = 0
        self.pace.resume(now)
        if self._terminal:
            super().on_epoch_begin(epoch, logs)
            self.progbar.width = BAR

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        with self._lock:
            # Keras's threads may come out of order.
            if batch < self.seen:
                return
            self._advance(batch + 1, logs or {})

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        with self._lock:
            now = time.perf_counter()
            if not self.verbose:
                return
            if self._terminal:
                self._finalize_progbar(self._figures(logs or {}, now))
            else:
                self._print_line(self._figures(logs or {}, now))
            self.pace.pause()

    def _advance(self, seen: int, logs: dict[str, Any]) -> None:
        now = time.perf_counter()
        first = self._epoch * (self.target or 0)
        counts = [self.tokens_of(first + i) if self.tokens_of else None for i in range(self.seen, seen)]
        known = [count for count in counts if count is not None]
        self.pace.step(now, seen - self.seen, sum(known) if len(known) == len(counts) else None)
        self.seen = seen
        if not self.verbose:
            return
        if self._terminal and now - self._drawn >= DRAW_SECONDS:
            self._drawn = now
            figures = self._figures(logs, now)
            self._shown_names = self._shown_names or self._that_fit(figures)
            shown = [(name, figures[name]) for name in self._shown_names if name in figures]
            if len(shown) < len(figures) and self._line_is_due(now):
                self._print_line(figures, over="\r\x1b[K")
            self.progbar.update(seen, shown, finalize=False)
        elif not self._terminal and self._line_is_due(now):
            self._print_line(self._figures(logs, now))

    def _figures(self, logs: dict[str, Any], now: float) -> dict[str, Shown]:
        """All figures in the order they are shown in, as numbers that know their text."""
        names = sorted(logs, key=lambda name: (name.startswith("val_"), name.removeprefix("val_") != "loss"))
        figures = {name: Shown(logs[name], f"{logs[name]:.4g}") for name in names}
        step = self._epoch * (self.target or 0) + self.seen
        rate = self.learning_rate(max(step - 1, 0))
        figures["lr"] = Shown(rate, f"{rate:.2e}")
        speed = self.pace.tokens_per_second
        if speed is not None:
            figures["tokens/s"] = Shown(speed, f"{speed:,.0f}")
        figures["elapsed"] = Shown(now - self._began, clock(now - self._began))
        left = self._seconds_left()
        if left is not None:
            figures["run left"] = Shown(left, clock(left))
        return figures

    def _seconds_left(self) -> float | None:
        if not self.target:
            return None
        epochs_after = self.epochs - self._epoch - 1
        steps = epochs_after * self.target + self.target - self.seen
        return self.pace.seconds_left(steps, epochs_after + (self.seen < self.target))

    def _that_fit(self, figures: dict[str, Shown]) -> list[str]:
        digits = len(str(self.target or 0))
        # Counters, the bar, the epoch's time, the step's, as Keras draws them.
        room = shutil.get_terminal_size().columns - 1 - (2 * digits + 2 + BAR + 8 + 11)
        # Speed and time left are not known at the first step; other figures may yet grow by a digit or two.
        late = {"tokens/s": Shown(0.0, "12,345"), "run left": Shown(0.0, "1:00:00")}
        candidates = {**figures, **late}
        kept = set()
        for name in sorted(candidates, key=_importance):
            room -= len(f" - {name}: {candidates[name]}") + (0 if name in late else 1)
            if room >= 0:
                kept.add(name)
        return [name for name in candidates if name in kept]

    def _line_is_due(self, now: float) -> bool:
        tenth = 10 * self.seen // self.target if self.target else 0
        waited = now - self._line_time
        return waited >= LONGEST_SILENCE or (waited >= LINE_SECONDS and tenth > self._line_tenth)

    def _print_line(self, figures: dict[str, Shown], over: str = "") -> None:
        self._line_time = time.perf_counter()
        self._line_tenth = 10 * self.seen // self.target if self.target else 0
        place = f"epoch {self._epoch + 1}/{self.epochs} step {self.seen}/{self.target or '?'}"
        shown = [f"{name}: {value}" for name, value in figures.items()]
        print(over + " - ".join([place, *shown]), flush=True)


class Shown(float):
    """A number that prints as it was told to: Keras's bar has four decimals for everything else."""

    text: str

    def __new__(cls, value: float, text: str) -> Shown:
        """The number ``value``, shown as ``text``."""
        number = super().__new__(cls, value)
        number.text = text
        return number

    def __truediv__(self, other: float) -> Any:
        # The bar divides by the number of values it has averaged; here that is 1.
        return self if other == 1 else float(self) / other

    def __format__(self, spec: str) -> str:
        return self.text

    def __str__(self) -> str:
        return self.text


def _importance(name: str) -> tuple[int, str]:
    if name in ("loss", "tokens/s", "run left"):
        return 0, name
    if name == "elapsed":
        return 3, name
    return (2 if name == "lr" or name.endswith("accuracy") else 1), name
