"""What one run consists of, and everything that watches, writes and shows while it goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from roformer_sim.checkpoints.preset import Preset
from roformer_sim.checkpoints.weights import read_weights
from roformer_sim.models import Backbone
from roformer_sim.text import Tokenizer
from roformer_sim.training.callbacks import Checkpoint, Samples, Validation
from roformer_sim.training.compiling import schedule
from roformer_sim.training.devices import Devices
from roformer_sim.training.model import MultiTaskModel
from roformer_sim.training.recipe import Recipe
from roformer_sim.training.run_folder import Direction, RunFolder, RunState
from roformer_sim.training.run_metadata import RunMetadata
from roformer_sim.training.sources import OpenTeacher, Sources
from roformer_sim.training.watching.assemble import Watching, watch
from roformer_sim.training.watching.finite import StopWhenNotFinite
from roformer_sim.training.watching.metric_names import check_metric, higher_is_better, metric_names
from roformer_sim.training.watching.tokens import TokenCounts


@dataclass(frozen=True)
class Helpers:
    """What training is handed from later stages, which it does not know: generation, evaluation.

    Attributes:
        samples: Synonyms of a text, shown after each epoch for each text of ``watch.samples``.
        measure: Figures of the network, for ``watch.sts``.
        measured: Their names.
        open_teacher: The teacher that ``objectives.distillation.teacher`` names.
    """

    samples: Callable[[Backbone, Tokenizer, str], list[str]] | None = None
    measure: Callable[[Backbone, Tokenizer], dict[str, float]] | None = None
    measured: tuple[str, ...] = ()
    open_teacher: OpenTeacher | None = None


@dataclass(frozen=True)
class Run:
    """A run that is about to train.

    Attributes:
        started_from: Metadata of the preset that it began with.
    """

    model: MultiTaskModel
    tokenizer: Tokenizer
    sources: Sources
    folder: RunFolder
    state: RunState
    started_from: dict[str, Any]
    helpers: Helpers
    devices: Devices

    @property
    def recipe(self) -> Recipe:
        """What to do."""
        return self.sources.recipe

    def callbacks(self, tokens: TokenCounts) -> list[Any]:
        """Everything that watches, writes and shows, in its order."""
        validation = Validation(self.sources.held_out(), self.model.by_kind)
        if not self.devices.writes:
            # What stops a run must stop all its processes, and all must validate.
            return [StopWhenNotFinite(self._rate(), lambda: self.folder.last), validation]
        metric = self._best_metric(bool(validation.batches))
        watching = self._watching(tokens)
        metadata = RunMetadata(self.sources, self.state, watching.metrics, metric, self.started_from)
        backbone = self.model.backbone

        def preset() -> Preset:
            return Preset(backbone.config, self.tokenizer, read_weights(backbone), metadata())

        direction: Direction = "max" if higher_is_better(metric) else "min"
        return [
            *watching.before,
            validation,
            *watching.between,
            Checkpoint(self.folder, self.state, preset, metric, direction),
            *watching.after,
            *self._samples(),
        ]

    def _samples(self) -> list[Samples]:
        recipe, show, backbone = self.recipe, self.helpers.samples, self.model.backbone
        if show is None or not recipe.objectives.generation or not recipe.watch.samples:
            return []

        def synonyms(text: str) -> list[str]:
            with self.devices.evaluated(backbone) as network:
                return show(network, self.tokenizer, text)

        return [Samples(recipe.watch.samples, synonyms)]

    def _watching(self, tokens: TokenCounts) -> Watching:
        recipe, figures = self.recipe, self.helpers.measure

        def measure(model: MultiTaskModel) -> dict[str, float]:
            assert figures is not None
            with self.devices.evaluated(model.backbone) as network:
                return figures(network, self.tokenizer)

        return watch(
            self.folder.path,
            learning_rate=self._rate(),
            presets=lambda: [self.folder.path / "best", self.folder.path / "last"],
            last_good=lambda: self.folder.last,
            tokens_of=tokens,
            measure=None if figures is None else measure,
            every=recipe.watch.every,
            sts_every=recipe.watch.sts_every,
            tensorboard=recipe.watch.tensorboard,
            resume_step=self.state.epoch * recipe.train.steps_per_epoch,
        )

    def _rate(self) -> Callable[[int], float]:
        """Learning rate of a batch."""
        rate = schedule(self.recipe)
        return lambda step: float(rate(step))

    def _best_metric(self, held_out: bool) -> str:
        """The figure that names the best checkpoint, known to be among those that there will be."""
        best = self.recipe.watch.best
        if best is None:
            return "val_loss" if held_out else "loss"
        names = metric_names(
            ["loss", *self.model.trackers], held_out=held_out, sts_tables=self.helpers.measured
        )
        return check_metric(best, names, "watch.best")
