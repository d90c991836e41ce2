"""The picture of a threshold study: precision against recall, and what a cosine means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from corpus_builder.errors import InputError
from corpus_builder.writers.part_file import temporary_path
from roformer_sim.evaluation.threshold import ThresholdReport

_BLUE, _RED, _GREY = "#3b6ea8", "#c0562b", "#777777"


def plot_thresholds(report: ThresholdReport, path: Path, title: str) -> None:
    """Draw a PNG: left the precision-recall curve with the thresholds, right the probability of a cosine.

    Raises:
        InputError: Matplotlib is not installed, or the file cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError("the plot needs Matplotlib: pip install 'roformer-sim[search]'") from error
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    figure.suptitle(title, fontsize=10)
    _draw_curve(left, report)
    _draw_calibration(right, report)
    temporary = temporary_path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(temporary, dpi=110, format="png", metadata={"Software": None})
        temporary.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        temporary.unlink(missing_ok=True)


def _draw_curve(panel: Any, report: ThresholdReport) -> None:
    panel.plot(report.curve[:, 2], report.curve[:, 1], color=_BLUE, linewidth=1.4)
    panel.axhline(
        report.same / report.pairs, color=_GREY, linestyle="--", linewidth=0.8, label="all called the same"
    )
    best = report.best
    panel.plot(
        best.recall, best.precision, "o", color=_RED, label=f"best F1 {best.f1:.3f} at {best.value:.3f}"
    )
    for wanted, found in report.targets.items():
        if found is not None:
            panel.plot(found.recall, found.precision, "s", label=f"precision {wanted:g} at {found.value:.3f}")
    panel.set(xlabel="recall", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.02))
    panel.set_title(f"average precision {report.average_precision:.3f}", fontsize=9)
    panel.grid(alpha=0.25, linewidth=0.5)
    panel.legend(fontsize=8, loc="lower left")


def _draw_calibration(panel: Any, report: ThresholdReport) -> None:
    low, high = float(report.curve[0, 0]), float(report.curve[-1, 0])
    cosines = np.linspace(low, high, 400)
    panel.plot(cosines, report.calibration.probability(cosines), color=_BLUE, linewidth=1.4)
    panel.axvline(report.best.value, color=_RED, linestyle="--", linewidth=0.8, label="best F1")
    panel.set(xlabel="cosine", ylabel="probability of the same meaning", ylim=(-0.02, 1.02))
    panel.set_title(f"{report.calibration.method}, Brier score {report.brier:.3f}", fontsize=9)
    panel.grid(alpha=0.25, linewidth=0.5)
    panel.legend(fontsize=8, loc="upper left")
