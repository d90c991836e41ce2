"""The result of an evaluation as a table for the terminal, as JSON and as Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from roformer_sim.evaluation.sts import StsScores, StsTable

METRIC = "Spearman correlation of cosine and label, x 100"


@dataclass(frozen=True)
class StsReport:
    """Models side by side on the same rows, each table named with its split and number of rows.

    Args:
        tables: What was measured on.
        models: The model asked about first, then those it is compared with.
        baseline: Character Jaccard on the same rows.
        untrained: Which of ``models`` is the untrained one, by name; the first model is compared with it.
        maxlen: Most tokens of a sentence.
    """

    tables: list[StsTable]
    models: list[StsScores]
    baseline: StsScores
    untrained: str | None = None
    maxlen: int | None = None

    @property
    def keys(self) -> list[str]:
        """What each table is called in JSON: its name, with the split or the file where names repeat."""
        for label in ("{0.name}", "{0.name} {0.split}", "{0.file}"):
            keys = [label.format(table) for table in self.tables]
            if len(set(keys)) == len(keys):
                break
        return keys

    def gains(self) -> dict[str, dict[str, float]]:
        """First model minus untrained one: ``{pooling: {table: points}}``; empty without an untrained one.

        ``"best"`` compares the best pooling of each, by average: the untrained network's mean of random
        vectors is a bag of characters, stronger than its [CLS].
        """
        first = self.models[0]
        other = next((model for model in self.models if model.name == self.untrained), None)
        if other is None:
            return {}
        rows = {pooling: (first.scores[pooling], other.scores[pooling]) for pooling in first.scores}
        rows["best"] = (first.scores[first.best_pooling], other.scores[other.best_pooling])
        return {
            pooling: {key: a - b for key, a, b in zip(self.keys, ours, theirs, strict=True)}
            for pooling, (ours, theirs) in rows.items()
        }

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON values; an undefined figure is ``None``."""
        result: dict[str, Any] = {
            "metric": METRIC,
            "maxlen": self.maxlen,
            "tables": [
                {"key": key, "name": table.name, "split": table.split, "rows": table.rows, "file": table.file}
                for key, table in zip(self.keys, self.tables, strict=True)
            ],
            "models": [self._model(model) for model in self.models],
            "character_jaccard": self._figures(self.baseline, ""),
        }
        if self.untrained is not None:
            result["above_untrained"] = {
                pooling: {table: _or_none(points) for table, points in points_of.items()}
                for pooling, points_of in self.gains().items()
            }
        return result

    def _model(self, model: StsScores) -> dict[str, Any]:
        return {
            "name": model.name,
            "untrained": model.name == self.untrained,
            "scores": {pooling: self._figures(model, pooling) for pooling in model.scores},
            "truncated_sentences": self._by_table(model.truncated),
            "sentences": model.sentences,
            "seconds": round(model.seconds, 2),
        }

    def _figures(self, model: StsScores, pooling: str) -> dict[str, float | None]:
        figures = self._by_table([_or_none(value) for value in model.scores[pooling]])
        return {**figures, "average": _or_none(model.average(pooling))}

    def _by_table(self, values: list[Any]) -> dict[str, Any]:
        return dict(zip(self.keys, values, strict=True)) if values else {}

    def to_markdown(self) -> str:
        """A table and its notes."""
        head = ["model", "pooling", *(table.title for table in self.tables), "average"]
        lines = ["| " + " | ".join(head) + " |", "|---|---|" + "---:|" * (len(self.tables) + 1)]
        for cells in self._rows():
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        return "\n".join([f"{METRIC}.", "", *lines, "", *self.notes()]) + "\n"

    def print(self, file: IO[str] | None = None) -> None:
        """Print the table to ``file`` (standard output), with the notes below."""
        from rich import box
        from rich.console import Console
        from rich.table import Table

        grid = Table(title=METRIC, box=box.SIMPLE_HEAD, title_justify="left")
        grid.add_column("model", overflow="fold")
        grid.add_column("pooling")
        for table in self.tables:
            grid.add_column(f"{table.name}\n{table.split}\n{table.rows:,}", justify="right", no_wrap=True)
        grid.add_column("average", justify="right")
        for cells in self._rows():
            grid.add_row(*cells)
        console = Console(file=file, markup=False, highlight=False)
        if not console.is_terminal:
            # A file or a pipe has no width of its own; rich's 80 columns would cut the names.
            console = Console(file=file, markup=False, highlight=False, width=1000)
        console.print(grid)
        for note in self.notes():
            console.print(note, soft_wrap=True)

    def _rows(self) -> Iterator[list[str]]:
        for model in [*self.models, self.baseline]:
            for pooling, values in model.scores.items():
                yield [model.name, pooling or "-", *map(_shown, values), _shown(model.average(pooling))]

    def notes(self) -> list[str]:
        """What the figures alone do not say: sentences cut, and the comparison with the untrained network."""
        notes = []
        for model in self.models:
            cut = {key: n for key, n in zip(self.keys, model.truncated, strict=False) if n}
            if cut:
                counts = ", ".join(f"{name} {count:,}" for name, count in cut.items())
                notes.append(f"{model.name}: sentences cut to {self.maxlen} tokens: {counts}.")
        gains = self.gains()
        if gains:
            wins = (
                f"{pooling} {sum(points > 0 for points in points_of.values())} of {len(points_of)}"
                for pooling, points_of in gains.items()
            )
            notes.append(
                f"{self.models[0].name} above {self.untrained}, number of tables: {', '.join(wins)} "
                "(best: the best pooling of each, by average)."
            )
        return notes


def _shown(value: float) -> str:
    return "undefined" if math.isnan(value) else f"{value:.2f}"


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)
