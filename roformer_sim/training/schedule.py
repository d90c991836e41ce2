"""Learning rate: a linear warm-up, then constant or linearly falling to zero."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


class WarmupSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """Learning rate of a step.

    Args:
        peak: Value after the warm-up.
        warmup_steps: Steps of linear growth from 0; 0 for none.
        total_steps: Where the falling line reaches 0; ``None`` keeps the rate at ``peak``.
        accumulate: Batches of a step, as ``gradient_accumulation_steps`` of the optimiser, which asks by the
            number of the batch.
    """

    def __init__(
        self, peak: float, warmup_steps: int, total_steps: int | None = None, accumulate: int = 1
    ) -> None:
        self.peak, self.warmup_steps, self.total_steps = peak, warmup_steps, total_steps
        self.accumulate = accumulate

    def __call__(self, step: Any) -> Any:
        step = ops.cast(ops.floor_divide(step, self.accumulate), "float32") + 1.0
        factor = ops.minimum(step / max(self.warmup_steps, 1), 1.0)
        if self.total_steps is not None:
            left = (self.total_steps + 1.0 - step) / max(self.total_steps - self.warmup_steps, 1)
            factor = ops.minimum(factor, ops.maximum(left, 0.0))
        return self.peak * factor

    def get_config(self) -> dict[str, Any]:
        return {
            "peak": self.peak,
            "warmup_steps": self.warmup_steps,
            "total_steps": self.total_steps,
            "accumulate": self.accumulate,
        }
