"""All that watches a run, in the places it has among the trainer's other callbacks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from roformer_sim.training.watching.finite import StopWhenNotFinite
from roformer_sim.training.watching.interval_figures import IntervalFigures
from roformer_sim.training.watching.metrics_file import METRICS, MetricsFile
from roformer_sim.training.watching.progress import Progress
from roformer_sim.training.watching.recorder import Recorder
from roformer_sim.training.watching.report import Report
from roformer_sim.training.watching.sts_watch import Measure, StsWatch
from roformer_sim.training.watching.tensorboard_events import TensorBoardEvents, tensorboard_available

TENSORBOARD = "tensorboard"


class Watching(NamedTuple):
    """Callbacks for ``fit``: ``[*before, Validation, *between, Checkpoint, *after]``.

    Attributes:
        before: Stop at NaN, measure the interval; both before validation resets the metrics.
        between: STS, and the row of metrics.csv, which the checkpoint then stands behind.
        after: Curves and card, progress.
        metrics: The rows, for :func:`roformer_sim.training.watching.model_card.training_facts`.
    """

    before: list[Any]
    between: list[Any]
    after: list[Any]
    metrics: MetricsFile


def watch(
    folder: str | Path,
    *,
    learning_rate: Callable[[int], float],
    presets: Callable[[], Iterable[Path]],
    last_good: Callable[[], Path | None],
    tokens_of: Callable[[int], int | None] | None = None,
    measure: Measure | None = None,
    every: int = 100,
    sts_every: int | None = None,
    tensorboard: bool = False,
    curves: bool = True,
    resume_step: int = 0,
    name: str | None = None,
) -> Watching:
    """Everything of this folder for one run.

    Args:
        folder: Of the run: ``metrics.csv``, ``tensorboard``, ``curves.png`` go there.
        learning_rate: Of a step, counted from 0 over the whole run.
        presets: The best and the last checkpoint; asked for at the end, for their cards.
        last_good: The last complete checkpoint, named when the run ends at NaN.
        tokens_of: Useful tokens of a step, ``None`` where unknown, such as a
            :class:`~roformer_sim.training.watching.tokens.TokenCounts`.
        measure: The model to its STS figures; ``None`` for none.
        every: Steps between two rows.
        sts_every: Steps between two STS measurements; ``None`` for one an epoch.
        tensorboard: Write event files too, if TensorBoard is installed.
        curves: Draw curves.png.
        resume_step: Steps that the checkpoint to go on from has done; 0 for a new run.
        name: Of the model in its card; the run folder's name by default.

    Raises:
        InputError: A file of the folder cannot be read or written.
    """
    folder = Path(folder)
    metrics = MetricsFile(folder / METRICS, resume_step)
    sinks: list[Callable[[dict[str, float]], None]] = [metrics.append]
    if tensorboard and tensorboard_available():
        sinks.append(TensorBoardEvents(folder / TENSORBOARD, resume_step).append)
    last = metrics.rows[-1] if metrics.rows else {}
    tokens = max((row["tokens"] for row in metrics.rows if "tokens" in row), default=0)
    figures = IntervalFigures(
        every, learning_rate, tokens_of, seconds=last.get("seconds", 0.0), tokens=int(tokens)
    )
    sts = StsWatch(measure, sts_every) if measure is not None else None
    return Watching(
        before=[StopWhenNotFinite(learning_rate, last_good), figures],
        between=[*([sts] if sts else []), Recorder(figures, sinks, sts)],
        after=[Report(folder, metrics, presets, name, curves=curves), Progress(learning_rate, tokens_of)],
        metrics=metrics,
    )
