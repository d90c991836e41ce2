"""The figures as a table for the terminal, as JSON, CSV and Markdown, and variants to read."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import IO, Any

import numpy as np

from roformer_sim.evaluation.generation.bootstrap import Estimate, bootstrap_mean
from roformer_sim.evaluation.generation.measure import REFERENCES, SystemScores
from roformer_sim.evaluation.generation.metrics import EXPONENTIATED, METRICS, PERCENT
from roformer_sim.evaluation.generation.references import KINDS, Source
from roformer_sim.text.bare_form import bare_form

ALL = "all"
NEW_BAR = 0.75
"""Share of the ``k`` asked for that should be new: 15 of 20."""


@dataclass(frozen=True)
class GenerationReport:
    """Systems side by side on the same sources.

    Args:
        sources: What was generated from.
        systems: Of :func:`~roformer_sim.evaluation.generation.measure.evaluate_generation`.
        model: Which of them the bars are about.
        k: Variants asked for.
        settings: Further facts for the report: files, seeds, the encoder's name.
        resamples: Of the bootstrap.
        seed: Of the bootstrap.
        also: Names of further systems that the bars are told of.
    """

    sources: Sequence[Source]
    systems: Sequence[SystemScores]
    model: str
    k: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    resamples: int = 1000
    seed: int = 0
    also: tuple[str, ...] = ()

    @property
    def kinds(self) -> list[str]:
        """``all`` and the kinds that occur; one alone where there is but one kind."""
        found = [kind for kind in KINDS if any(source.kind == kind for source in self.sources)]
        return found if len(found) == 1 else [ALL, *found]

    @property
    def metrics(self) -> list[str]:
        """Names of the figures that were measured, in the order of the columns."""
        return [name for name in METRICS if name in self.systems[0].values]

    @cached_property
    def estimates(self) -> dict[str, dict[str, dict[str, Estimate]]]:
        """``estimates[kind][system][metric]``: mean over sources and 95 % interval, shares from 0 to 1."""
        return {
            kind: {
                system.name: {name: self._estimate(system, name, kind) for name in self.metrics}
                for system in self.systems
            }
            for kind in self.kinds
        }

    @property
    def counts(self) -> dict[str, int]:
        """How many sources there are of each kind."""
        return {kind: int(self._rows(kind).sum()) for kind in self.kinds}

    def _rows(self, kind: str) -> np.ndarray:
        return np.array([kind in (ALL, source.kind) for source in self.sources])

    def _estimate(self, system: SystemScores, metric: str, kind: str) -> Estimate:
        found = bootstrap_mean(
            system.values[metric][self._rows(kind)], resamples=self.resamples, seed=self.seed
        )
        if metric != EXPONENTIATED:
            return found
        return Estimate(math.exp(found.mean), math.exp(found.low), math.exp(found.high), found.sources)

    def bars(self, system: str | None = None) -> dict[str, dict[str, Any]]:
        """The two bars, about the model, or another system, on all sources.

        ``new``: new variants of ``k``, at least :data:`NEW_BAR` of them. ``similarity``: the model's minus
        the reference paraphrases', source by source, not below 0. Each with its figure, interval, the bar and
        whether it is reached; those that cannot be told are left out.
        """
        by_name = {system.name: system for system in self.systems}
        model = by_name[self.model if system is None else system].values
        found = {"new": (model["new"], NEW_BAR * self.k)}
        if "similarity" in model and REFERENCES in by_name:
            found["similarity"] = (model["similarity"] - by_name[REFERENCES].values["similarity"], 0.0)
        bars = {}
        for name, (values, bar) in found.items():
            estimate = bootstrap_mean(values, resamples=self.resamples, seed=self.seed)
            bars[name] = {**_figures(estimate), "bar": bar, "reached": bool(estimate.mean >= bar)}
        return bars

    def to_dict(self) -> dict[str, Any]:
        """Everything but the variants as JSON values; an undefined figure is ``None``."""
        return {
            "settings": dict(self.settings),
            "model": self.model,
            "k": self.k,
            "sources": self.counts,
            "metrics": {name: METRICS[name].meaning for name in self.metrics},
            "bars": self.bars(),
            "bars_also": {system: self.bars(system) for system in self.also},
            "figures": {
                kind: {
                    system: {name: _figures(estimate) for name, estimate in figures.items()}
                    for system, figures in systems.items()
                }
                for kind, systems in self.estimates.items()
            },
            "seconds": {system.name: round(system.seconds, 2) for system in self.systems},
        }

    def to_csv(self) -> str:
        """One line a figure: ``sources,system,metric,mean,low,high,n``; empty where undefined."""
        out = io.StringIO()
        table = csv.writer(out, lineterminator="\n")
        table.writerow(["sources", "system", "metric", "mean", "low", "high", "n"])
        for kind, systems in self.estimates.items():
            for system, figures in systems.items():
                for name, estimate in figures.items():
                    cells = ("" if math.isnan(value) else f"{value:.6g}" for value in estimate[:3])
                    table.writerow([kind, system, name, *cells, estimate.sources])
        return out.getvalue()

    def to_markdown(self) -> str:
        """A table for each kind of source, and the notes."""
        titles = ["system", *(METRICS[name].title for name in self.metrics)]
        lines = []
        for kind in self.kinds:
            lines += [f"**{self._heading(kind)}**", "", "| " + " | ".join(titles) + " |"]
            lines.append("|---|" + "---:|" * len(self.metrics))
            for cells in self._table(kind):
                lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
            lines.append("")
        return "\n".join([*lines, *(f"- {note}" for note in self.notes())]) + "\n"

    def print(self, file: IO[str] | None = None) -> None:
        """Print the tables to ``file`` (standard output), with the notes below."""
        from rich import box
        from rich.console import Console
        from rich.table import Table

        console = Console(file=file, markup=False, highlight=False)
        if not console.is_terminal:
            # A file or a pipe has no width of its own; rich's 80 columns would cut the names.
            console = Console(file=file, markup=False, highlight=False, width=1000)
        for kind in self.kinds:
            grid = Table(title=self._heading(kind), box=box.SIMPLE_HEAD, title_justify="left")
            grid.add_column("system", overflow="fold")
            for name in self.metrics:
                grid.add_column(METRICS[name].title.replace(" ", "\n"), justify="right", no_wrap=True)
            for cells in self._table(kind):
                grid.add_row(*(cell.replace(" ± ", "\n±") for cell in cells))
            console.print(grid)
        for note in self.notes():
            console.print(note, soft_wrap=True)

    def _heading(self, kind: str) -> str:
        return f"{self.counts[kind]:,} {'sources' if kind == ALL else kind}"

    def _table(self, kind: str) -> Iterator[list[str]]:
        for system, figures in self.estimates[kind].items():
            yield [system, *(_shown(name, figures[name]) for name in self.metrics)]

    def notes(self) -> list[str]:
        """The bars, and what the columns mean."""
        notes = []
        told = [(system, *bar) for system in (self.model, *self.also) for bar in self.bars(system).items()]
        for system, name, bar in told:
            what = "new variants" if name == "new" else "similarity, model minus references"
            what = f"{system}: {what}" if self.also else what
            digits = METRICS[name].digits
            verdict = "reached" if bar["reached"] else "not reached"
            figures = [
                "undefined" if bar[key] is None else f"{bar[key]:.{digits}f}"
                for key in ("mean", "low", "high")
            ]
            notes.append(
                f"{what}: {figures[0]} ({figures[1]} to {figures[2]}), bar {bar['bar']:g}: {verdict}."
            )
        notes.append(
            "Means over sources ± half the width of the 95 % interval (bootstrap over sources, "
            f"{self.resamples:,} resamples)."
        )
        notes += [f"{METRICS[name].title}: {METRICS[name].meaning}." for name in self.metrics]
        return notes + [f"{key}: {value}" for key, value in self.settings.items()]

    def examples(self, sources: int = 10, variants: int = 5) -> str:
        """Markdown to read: the first sources of each kind with the first variants of each system.

        Variants that are not new beyond punctuation stand in brackets.
        """
        lines = []
        for kind in KINDS:
            rows = [row for row, source in enumerate(self.sources) if source.kind == kind][:sources]
            lines += [f"## {kind}", ""] if rows else []
            for row in rows:
                lines += [f"**{self.sources[row].text}**", ""]
                for system in self.systems:
                    shown = _marked(self.sources[row].text, system.variants[row])[:variants]
                    lines.append(f"- {system.name}: {'; '.join(shown) or '-'}")
                lines.append("")
        return "\n".join(lines)

    def variant_rows(self) -> Iterator[dict[str, Any]]:
        """Every source with all variants of every system, as JSON values."""
        for row, source in enumerate(self.sources):
            yield {
                "text": source.text,
                "kind": source.kind,
                "variants": {system.name: system.variants[row] for system in self.systems},
            }


def _marked(source: str, variants: Sequence[str]) -> list[str]:
    seen = {bare_form(source), ""}
    result = []
    for variant in variants:
        form = bare_form(variant)
        result.append(f"[{variant}]" if form in seen else variant)
        seen.add(form)
    return result


def _shown(metric: str, estimate: Estimate) -> str:
    if math.isnan(estimate.mean):
        return "-"
    scale, digits = (100 if metric in PERCENT else 1), METRICS[metric].digits
    half = (estimate.high - estimate.low) / 2
    return f"{scale * estimate.mean:.{digits}f} ± {scale * half:.{digits}f}"


def _figures(estimate: Estimate) -> dict[str, Any]:
    values = {
        name: None if math.isnan(value) else round(value, 6)
        for name, value in zip(("mean", "low", "high"), estimate[:3], strict=True)
    }
    return {**values, "sources": estimate.sources}
