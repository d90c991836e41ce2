"""What happens around an epoch: its batches, validation, checkpoint, a look at the synonyms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from roformer_sim.training.arrays import Batch
from roformer_sim.training.run_folder import Direction, RunFolder, RunState


class Validation(keras.callbacks.Callback):
    """Adds ``val_...`` losses of fixed held-out batches to the epoch's logs, means over the batches.

    Each batch is evaluated by itself: over several, Keras would weight ``loss`` by the length of the
    list of targets and the other figures not. Figures of terms that weigh kinds of sentences apart count
    as their losses do.

    Args:
        batches: Held-out batches; none adds nothing.
        by_kind: Names of those figures.
    """

    def __init__(self, batches: list[Batch], by_kind: frozenset[str] = frozenset()) -> None:
        super().__init__()
        self.batches, self.by_kind = batches, by_kind

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if not self.batches or logs is None:
            return
        totals: dict[str, float] = {}
        counts: dict[str, float] = {}
        for batch in self.batches:
            self.model.reset_metrics()
            factor = float(np.mean(batch["similarity_weights"]))
            for name, value in self.model.test_on_batch(batch, return_dict=True).items():
                weight = factor if name in self.by_kind else 1.0
                totals[name] = totals.get(name, 0.0) + weight * float(value)
                counts[name] = counts.get(name, 0.0) + weight
        self.model.reset_metrics()
        logs.update({f"val_{name}": total / (counts[name] or 1.0) for name, total in totals.items()})


class Checkpoint(keras.callbacks.Callback):
    """Saves each epoch; which is the best, :meth:`roformer_sim.training.run_folder.RunState.add_epoch` says.

    Stands after the callbacks that add figures to the epoch's logs and before any that draw from the
    model's random state: what comes later is not part of the checkpoint.

    Args:
        folder: Where to.
        state: Brought up to date here.
        make_preset: The backbone as it is now.
        metric: Figure that decides which epoch is the best; ``None`` is ``val_loss``, else ``loss``.
        direction: Whether the lowest ("min") or the highest ("max") is.
    """

    def __init__(
        self,
        folder: RunFolder,
        state: RunState,
        make_preset: Callable[[], Any],
        metric: str | None = None,
        direction: Direction = "min",
    ) -> None:
        super().__init__()
        self.folder, self.state, self.make_preset = folder, state, make_preset
        self.metric, self.direction = metric, direction

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.state.add_epoch(logs or {}, self.metric, self.direction)
        self.folder.save(self.make_preset(), self.model, self.state)


class Samples(keras.callbacks.Callback):
    """Shows what the model makes of a few sentences."""

    def __init__(self, texts: list[str], synonyms: Callable[[str], list[str]]) -> None:
        super().__init__()
        self.texts, self.synonyms = texts, synonyms

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        for text in self.texts:
            print(f"  {text} -> " + " | ".join(self.synonyms(text)))
