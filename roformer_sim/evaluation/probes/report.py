"""Probes of several encoders: as values, as rows, as JSON, CSV and Markdown."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Any

import numpy as np

from roformer_sim.evaluation.probes.classifier import TEXT_GRID, VECTOR_GRID, Mean
from roformer_sim.evaluation.probes.measure import CHARACTERS, ProbeScores
from roformer_sim.evaluation.probes.tables import ClassTable
from roformer_sim.evaluation.sts.report import markdown_table

METRICS = {"accuracy": "Accuracy", "macro_f1": "Macro-F1"}
MEAN = "mean"


@dataclass(frozen=True)
class ProbeReport:
    """Encoders and baselines side by side on the same folds.

    Args:
        tables: What was measured on.
        probes: The figures of each.
        folds, seed: Of the cross-validation.
        maxlen: Most tokens of a text of a preset.
    """

    tables: list[ClassTable]
    probes: list[ProbeScores]
    folds: int = 5
    seed: int = 0
    maxlen: int | None = None

    def means(self, probe: ProbeScores, metric: str) -> list[Mean]:
        """The metric on each table, percent, with its standard error."""
        return [scores.mean(metric) for scores in probe.scores]

    def macro(self, probe: ProbeScores, metric: str) -> float:
        """Mean over the tables, percent."""
        return float(np.mean([mean.value for mean in self.means(probe, metric)]))

    def lines(self, metric: str) -> tuple[list[str], list[list[str]]]:
        """Header and lines of the metric's table."""
        head = ["encoder", "d", *(f"{t.name} {t.split} ({t.classes} classes)" for t in self.tables), MEAN]
        lines = [
            [
                *(probe.name, str(probe.dimensions or "-")),
                *(f"{mean.value:.1f} ± {mean.error:.1f}" for mean in self.means(probe, metric)),
                f"{self.macro(probe, metric):.1f}",
            ]
            for probe in self.probes
        ]
        return head, lines

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON values, percent."""
        return {
            "folds": self.folds,
            "seed": self.seed,
            "maxlen": self.maxlen,
            "grid_of_C": {"vectors": list(VECTOR_GRID), "characters": list(TEXT_GRID)},
            "tables": [
                {"name": table.name, "split": table.split, "file": table.file, "rows": len(table.texts)}
                | {"classes": table.classes, "notes": list(table.notes)}
                for table in self.tables
            ],
            "probes": [self._probe(probe) for probe in self.probes],
            "notes": self.notes(),
        }

    def _probe(self, probe: ProbeScores) -> dict[str, Any]:
        tables = {}
        for table, scores in zip(self.tables, probe.scores, strict=True):
            figures: dict[str, Any] = {}
            for metric in METRICS:
                mean = scores.mean(metric)
                figures[metric] = round(mean.value, 3)
                figures[f"{metric}_standard_error"] = round(mean.error, 3)
                figures[f"{metric}_of_folds"] = [round(100 * value, 3) for value in getattr(scores, metric)]
            tables[table.name] = figures | {"C_of_folds": scores.strengths}
        return {
            "name": probe.name,
            "dimensions": probe.dimensions,
            "tables": tables,
            MEAN: {metric: round(self.macro(probe, metric), 3) for metric in METRICS},
            "encoding_seconds": round(probe.encoding_seconds, 2),
            "fitting_seconds": round(probe.fitting_seconds, 2),
        }

    def to_csv(self) -> str:
        """A line an encoder and table."""
        text = io.StringIO()
        out = csv.writer(text, lineterminator="\n")
        figures = [f"{metric}{end}" for metric in METRICS for end in ("", "_standard_error")]
        out.writerow(["encoder", "dimensions", "table", "split", "rows", "classes", *figures])
        for probe in self.probes:
            for table, scores in zip(self.tables, probe.scores, strict=True):
                numbers = [f"{number:.3f}" for metric in METRICS for number in scores.mean(metric)]
                place = [table.name, table.split, len(table.texts), table.classes]
                out.writerow([probe.name, probe.dimensions or "", *place, *numbers])
        return text.getvalue()

    def to_markdown(self) -> str:
        """A table a metric, and the notes."""
        parts = []
        for metric, title in METRICS.items():
            parts += [f"{title}, percent ± standard error:", markdown_table(*self.lines(metric))]
        return "\n\n".join([*parts, "\n".join(f"- {note}" for note in self.notes())]) + "\n"

    def notes(self) -> list[str]:
        """What the figures alone do not say."""
        notes = [
            f"Logistic regression (L2) on frozen, standardised vectors; mean of {self.folds} stratified "
            f"folds (seed {self.seed}), the same for all encoders, ± its standard error over the folds, "
            "which share training texts: it is somewhat too small.",
            f"C of {', '.join(f'{c:g}' for c in VECTOR_GRID)} by accuracy on a part of the training folds.",
        ]
        if any(probe.name == CHARACTERS for probe in self.probes):
            notes.append(
                f"{CHARACTERS}: the same classifier on single characters and pairs of neighbours, C of "
                f"{', '.join(f'{c:g}' for c in TEXT_GRID)}."
            )
        notes += [f"{table.title}: {note}." for table in self.tables for note in table.notes]
        for probe in self.probes:
            cut = [f"{table.name} {n:,}" for table, n in zip(self.tables, probe.truncated, strict=False) if n]
            if cut:
                notes.append(f"{probe.name}: texts cut to {self.maxlen} tokens: {', '.join(cut)}.")
            late = sum(scores.unfinished for scores in probe.scores)
            if late:
                notes.append(f"{probe.name}: {late} fits ran out of iterations.")
        return notes
