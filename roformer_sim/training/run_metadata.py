"""What a checkpoint says of the run that made it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras

from roformer_sim.training.run_folder import RunState
from roformer_sim.training.sources import Sources
from roformer_sim.training.watching.machine import machine_facts
from roformer_sim.training.watching.metrics_file import MetricsFile
from roformer_sim.training.watching.model_card import training_facts


class RunMetadata:
    """Makes ``metadata.json`` of the checkpoint that is being saved.

    Args:
        sources: What is trained on.
        state: Where the run stands, brought up to date elsewhere.
        metrics: What was measured.
        chosen_by: Figure that names the best checkpoint.
        started_from: Metadata of the preset that the run began with.
    """

    def __init__(
        self,
        sources: Sources,
        state: RunState,
        metrics: MetricsFile,
        chosen_by: str,
        started_from: dict[str, Any],
    ) -> None:
        self.sources, self.state, self.metrics = sources, state, metrics
        self.chosen_by, self.started_from = chosen_by, started_from
        self._machine = machine_facts()

    def __call__(self) -> dict[str, Any]:
        recipe, state = self.sources.recipe, self.state
        made = {
            "trained_by": "roformer-sim train",
            "recipe": without_folders(recipe.model_dump()),
            "training_sets": self.sources.stream.sizes,
            "epochs_done": state.epoch,
            "history": state.history,
            "backend": keras.backend.backend(),
            "versions": self._machine["versions"],
        }
        made |= training_facts(
            self.metrics.rows,
            step=state.epoch * recipe.train.steps_per_epoch,
            batch_rows=recipe.train.batch_rows,
            machine=self._machine,
            chosen_by=self.chosen_by,
        )
        return made | ({"started_from": self.started_from} if self.started_from else {})


def without_folders(recipe: dict[str, Any]) -> dict[str, Any]:
    """The recipe with file names alone: a preset travels, the folders of its author do not."""
    for key in ("preset", "vocab"):
        if recipe["start"][key] is not None:
            recipe["start"][key] = Path(recipe["start"][key]).name
    for section, keys in (("data", recipe["data"]), ("watch", {"sts": recipe["watch"]["sts"]})):
        for key, value in keys.items():
            if isinstance(value, list):
                recipe[section][key] = [_file_name(entry) for entry in value]
    distillation = recipe["objectives"]["distillation"]
    if distillation is not None:
        distillation["teacher"] = _teacher_name(distillation["teacher"])
    return recipe


def _file_name(entry: Any) -> Any:
    if isinstance(entry, dict):
        return {**entry, "path": Path(entry["path"]).name}
    return Path(entry).name


def _teacher_name(spec: str) -> str:
    kind, sign, name = spec.rpartition(":")
    return f"{kind}{sign}{name if kind == 'python' else Path(name).name}"
