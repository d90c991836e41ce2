"""``roformer-sim evaluate``: the commands that measure."""

from __future__ import annotations

import typer

from roformer_sim.cli.evaluate_generation import generation
from roformer_sim.cli.evaluate_geometry import geometry
from roformer_sim.cli.evaluate_probes import probes
from roformer_sim.cli.evaluate_sts import sts

evaluate = typer.Typer(name="evaluate", help="Measure a model.", add_completion=False, rich_markup_mode=None)


@evaluate.callback()
def _evaluate() -> None:
    """Measure a model."""


evaluate.command()(generation)
evaluate.command()(sts)
evaluate.command()(geometry)
evaluate.command()(probes)
