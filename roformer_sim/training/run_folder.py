"""A training run on disk: one whole folder an epoch, and links to the last and the best."""

from __future__ import annotations

import math
import re
import shutil
import tempfile
import warnings
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import keras

from corpus_builder.errors import InputError
from roformer_sim.checkpoints.atomic import atomic_folder, remove_folder, remove_leftovers, replace_symlink
from roformer_sim.checkpoints.checksums import find_damage, write_checksums
from roformer_sim.checkpoints.preset import Preset, read_json, write_json, write_preset_files
from roformer_sim.training.model_state import read_model_state, write_model_state

STATE = "training_state.json"

Direction = Literal["min", "max"]


@dataclass
class RunState:
    """Where a run stands, the position in the data included: batches are functions of seed and epoch.

    Attributes:
        recipe: What began the run.
        data: Checksum of the sentences it trains on.
        epoch: Finished epochs.
        best_epoch: The best of them, counted from 1; 0 before the first.
        best_metric: Figure of an epoch that decides which is the best.
        best_value: Its value at ``best_epoch``, ``None`` while no epoch had a number.
        history: Figures of each finished epoch.
    """

    recipe: dict[str, Any]
    data: int = 0
    epoch: int = 0
    best_epoch: int = 0
    best_metric: str | None = None
    best_value: float | None = None
    best_direction: Direction = "min"
    history: list[dict[str, float]] = field(default_factory=list)

    def add_epoch(
        self, logs: Mapping[str, Any], metric: str | None = None, direction: Direction = "min"
    ) -> None:
        """Note the figures of a finished epoch and which epoch is now the best.

        Args:
            logs: Figures by name.
            metric: Name of the deciding one; ``None`` is ``val_loss``, or ``loss`` where nothing is held out.
            direction: Whether a lower ("min") or a higher ("max") value is better; the earlier of two equal
                ones stays the best, and what is no number (NaN) never is.

        Raises:
            InputError: The epoch has no such figure.
        """
        figures = {name: float(value) for name, value in logs.items()}
        metric = metric or ("val_loss" if "val_loss" in figures else "loss")
        if metric not in figures:
            raise InputError(
                f"{metric}: the best epoch is to be chosen by it, but the figures are "
                + ", ".join(sorted(figures))
            )
        self.epoch += 1
        self.history.append(figures)
        self.best_metric, self.best_direction = metric, direction
        self.best_epoch = self.best_among(range(1, self.epoch + 1))
        value = self._value(self.best_epoch)
        self.best_value = None if math.isnan(value) else value

    def best_among(self, epochs: Collection[int]) -> int:
        """The best of some finished epochs."""
        sign = 1.0 if self.best_direction == "min" else -1.0

        def rank(epoch: int) -> tuple[bool, float, int]:
            value = sign * self._value(epoch)
            return (True, 0.0, epoch) if math.isnan(value) else (False, value, epoch)

        return min(epochs, key=rank)

    def _value(self, epoch: int) -> float:
        return self.history[epoch - 1].get(self.best_metric or "loss", math.nan)


class RunFolder:
    """``epoch-0007`` folders, each a preset plus what training goes on from; links ``last`` and ``best``.

    A folder appears under its name only when every file of it is on disk, so a killed run always leaves
    a loadable checkpoint. Beside the preset's files it holds ``optimizer.safetensors`` (moments and step
    count, which is the position in the learning rate's schedule), ``further.safetensors`` (weights of
    layers that are not the backbone's), ``random_state.safetensors`` (seed generators),
    ``training_state.json`` (:class:`RunState`) and ``checksums.json``.

    One that was damaged afterwards is found by its checksums and passed over for the one before it, with
    a warning. Kept are the newest ``keep``, and for each of them the best epoch up to it: should the newest
    turn out damaged, the one before still has its best.

    Args:
        path: The run's folder.
        keep: Newest checkpoints to keep, 1 or more; the last as well as the best may be among them.
    """

    def __init__(self, path: str | Path, keep: int = 2) -> None:
        if keep < 1:
            raise InputError(f"keep {keep}: at least the newest checkpoint is kept; give 1 or more")
        self.path, self.keep = Path(path), keep
        self._damage: dict[int, str | None] = {}

    def check_writable(self) -> None:
        """Make the folder and clear what killed runs left half written.

        Raises:
            InputError: It cannot be written: said now, not after an epoch's work.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path):
                pass
        except OSError as error:
            raise InputError(f"{self.path}: cannot be written: {error.strerror or error}") from error
        remove_leftovers(self.path)

    def check_space(self, model: keras.Model, epochs: int) -> None:
        """Refuse a run that cannot end for want of space, before its first step.

        Args:
            model: Compiled, its optimiser built.
            epochs: Checkpoints the run will still write. An old one goes when a new one is whole, so that
                ``keep`` + 1 are there at once.

        Raises:
            InputError: Less space is free than that.
        """
        size = 4 * sum(math.prod(v.shape) for v in [*model.variables, *model.optimizer.variables])
        count = max(1, min(epochs, self.keep + 1 - len(self._epochs())))
        free = shutil.disk_usage(self.path).free
        if free < count * size:
            raise InputError(
                f"{self.path}: {free / 1e9:.3g} GB are free, but {count} more checkpoint(s) of "
                f"{size / 1e9:.3g} GB must fit; make room, or write elsewhere with --output"
            )

    @property
    def last(self) -> Path | None:
        """Newest checkpoint that is whole; ``None`` for a new run. Passing over a damaged one is warned of.

        Raises:
            InputError: There are checkpoints, but none is whole; or there were, and they are gone.
        """
        damaged: list[tuple[int, str, bool]] = []
        for epoch in sorted(self._epochs(), reverse=True):
            known = epoch in self._damage
            damage = self._find_damage(epoch)
            if damage is None:
                self._warn(damaged, epoch)
                return self._folder(epoch)
            damaged.append((epoch, damage, known))
        if damaged:
            listed = "; ".join(f"{self._folder(epoch).name}: {damage}" for epoch, damage, _ in damaged)
            raise InputError(
                f"{self.path}: none of its checkpoints is whole ({listed}); put back a copy of one, or use "
                "another --output to begin anew"
            )
        if (self.path / "last").is_symlink():
            raise InputError(
                f"{self.path}: its checkpoints are gone, only the link last is left; put them back, or use "
                "another --output to begin anew"
            )
        return None

    def _warn(self, damaged: list[tuple[int, str, bool]], used: int) -> None:
        for epoch, damage, known in damaged:
            if not known:
                warnings.warn(
                    f"{self._folder(epoch)} is damaged ({damage}) and passed over; the run goes on from "
                    f"{self._folder(used).name}",
                    stacklevel=3,
                )

    def save(self, preset: Preset, model: keras.Model, state: RunState) -> Path:
        """Write the checkpoint of ``state.epoch``, move the links, delete what is no longer kept.

        Args:
            preset: The backbone and its tokenizer.
            model: A compiled model with ``backbone`` and a built optimiser.
            state: Where the run stands.

        Raises:
            InputError: It cannot be written (full disk, permissions); the older checkpoints are untouched.
        """
        target = self._folder(state.epoch)
        with atomic_folder(target) as place:
            write_preset_files(place, preset)
            write_model_state(place, model)
            write_json(place / STATE, asdict(state))
            write_checksums(place)
        self._damage[state.epoch] = None
        self.set_links(state)
        return target

    def set_links(self, state: RunState) -> None:
        """Links to the last and the best epoch, both each time: a run may have died before it set them.

        Where the best is damaged or gone, the best of those that are left takes its place, with a warning.
        """
        present = {epoch for epoch in self._epochs() if epoch <= state.epoch}
        if state.best_epoch not in present or self._find_damage(state.best_epoch) is not None:
            present = {epoch for epoch in present if self._find_damage(epoch) is None}
            best = state.best_among(present)
            warnings.warn(
                f"{self._folder(state.best_epoch)}, the best epoch, is damaged or gone; the link best now "
                f"stands for {self._folder(best).name}",
                stacklevel=2,
            )
        else:
            best = state.best_epoch
        replace_symlink(self.path / "last", self._folder(state.epoch).name)
        replace_symlink(self.path / "best", self._folder(best).name)
        newest = sorted(present)[-self.keep :]
        kept = {best, *newest, *(state.best_among([e for e in present if e <= epoch]) for epoch in newest)}
        # Later ones, damaged, stay until the run comes to them again.
        for epoch in present - kept:
            remove_folder(self._folder(epoch))

    def read_state(self) -> RunState | None:
        """State of the newest whole checkpoint, or ``None`` for a new run."""
        last = self.last
        if last is None:
            return None
        values = read_json(last / STATE)
        try:
            return RunState(**values)
        except TypeError as error:
            raise InputError(f"{last / STATE}: {error}") from None

    def restore(self, model: keras.Model) -> None:
        """Put back what the newest whole checkpoint holds beyond the preset, if there is one.

        The last thing before training goes on: it sets the random state.

        Args:
            model: Compiled, its optimiser built, the preset's weights already in its backbone.

        Raises:
            InputError: The checkpoint is of another architecture; the first difference is named.
        """
        if self.last is not None:
            read_model_state(self.last, model)

    def _epochs(self) -> list[int]:
        names = (path.name for path in self.path.glob("epoch-*") if path.is_dir())
        return [int(name[6:]) for name in names if re.fullmatch(r"epoch-\d{4,}", name)]

    def _folder(self, epoch: int) -> Path:
        return self.path / f"epoch-{epoch:04d}"

    def _find_damage(self, epoch: int) -> str | None:
        if epoch not in self._damage:
            self._damage[epoch] = find_damage(self._folder(epoch))
        return self._damage[epoch]
