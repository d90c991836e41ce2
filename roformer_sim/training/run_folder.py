"""A training run on disk: one whole folder an epoch, and links to the last and the best."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from keras import ops

from corpus_builder.errors import InputError
from roformer_sim.checkpoints.atomic import atomic_folder, replace_symlink
from roformer_sim.checkpoints.preset import (
    Preset,
    read_json,
    read_safetensors,
    write_json,
    write_preset_files,
    write_safetensors,
)

OPTIMIZER, STATE = "optimizer.safetensors", "training_state.json"


@dataclass
class RunState:
    """Where a run stands. ``epoch`` counts finished epochs."""

    recipe: dict[str, Any]
    epoch: int = 0
    best_epoch: int = 0
    history: list[dict[str, float]] = field(default_factory=list)


class RunFolder:
    """``epoch-0007`` folders, each a preset plus optimiser state, and the links ``last`` and ``best``.

    A folder appears under its name only when every file of it is on disk, and only the last and the
    best are kept; a killed run therefore always leaves a loadable checkpoint.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def check_writable(self) -> None:
        """Make the folder; refuse one that cannot be written now, not after an epoch's work."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path):
                pass
        except OSError as error:
            raise InputError(f"{self.path}: cannot be written: {error.strerror or error}") from error

    @property
    def last(self) -> Path | None:
        """Newest complete checkpoint."""
        found = sorted(self.path.glob("epoch-[0-9]*"))
        return found[-1] if found else None

    def save(self, preset: Preset, optimizer: Any, state: RunState) -> Path:
        """Write the checkpoint of ``state.epoch``, move the links, delete what is neither."""
        target = self.path / f"epoch-{state.epoch:04d}"
        with atomic_folder(target) as place:
            write_preset_files(place, preset)
            write_safetensors(place / OPTIMIZER, optimizer_arrays(optimizer))
            write_json(place / STATE, asdict(state))
        self.set_links(state)
        return target

    def set_links(self, state: RunState) -> None:
        """Links to the last and the best epoch, both each time: a run may have died before it set them."""
        named = {"last": f"epoch-{state.epoch:04d}", "best": f"epoch-{state.best_epoch:04d}"}
        for link, name in named.items():
            replace_symlink(self.path / link, name)
        for old in self.path.glob("epoch-[0-9]*"):
            if old.name not in named.values():
                shutil.rmtree(old)

    def read_state(self) -> RunState | None:
        """State of the newest checkpoint, or ``None`` for a new run."""
        if self.last is None:
            return None
        values = read_json(self.last / STATE)
        try:
            return RunState(**values)
        except TypeError as error:
            raise InputError(f"{self.last / STATE}: {error}") from None

    def restore_optimizer(self, optimizer: Any) -> None:
        """Put the saved moments and the step count into a built optimiser."""
        if self.last is None:
            return
        path = self.last / OPTIMIZER
        arrays = read_safetensors(path)
        for variable in optimizer.variables:
            if variable.path not in arrays:
                raise InputError(f"{path}: optimiser value {variable.path} is missing")
            variable.assign(arrays[variable.path])


def optimizer_arrays(optimizer: Any) -> dict[str, np.ndarray]:
    """Every optimiser variable by path, the learning rate of a schedule excepted (it has none)."""
    return {v.path: np.array(ops.convert_to_numpy(v.value), order="C") for v in optimizer.variables}
