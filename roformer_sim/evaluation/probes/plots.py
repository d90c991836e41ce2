"""The probes as bars."""

from __future__ import annotations

from roformer_sim.evaluation.canvas import COLOURS, canvas, png, short
from roformer_sim.evaluation.probes.measure import CHARACTERS, MAJORITY
from roformer_sim.evaluation.probes.report import METRICS, ProbeReport

_GREYS = {CHARACTERS: "#8f8f8f", MAJORITY: "#cccccc"}


def plot_probes(report: ProbeReport) -> bytes:
    """A row of bars a metric: a place a table, a bar an encoder with its standard error; PNG.

    Raises:
        InputError: Matplotlib is not installed.
    """
    probes, tables = report.probes, report.tables
    thickness = 0.84 / len(probes)
    figure = canvas((max(6.4, 1.0 + len(tables) * (0.5 + 0.26 * len(probes))), 6.4))
    places = figure.subplots(len(METRICS), 1, sharex=True)
    for place, (metric, title) in zip(places, METRICS.items(), strict=True):
        for number, probe in enumerate(probes):
            means = report.means(probe, metric)
            place.bar(
                [x + (number - (len(probes) - 1) / 2) * thickness for x in range(len(tables))],
                [mean.value for mean in means],
                thickness * 0.92,
                yerr=[mean.error for mean in means],
                color=_GREYS.get(probe.name, COLOURS[number % (len(COLOURS) - 1)]),
                error_kw={"linewidth": 0.8},
                label=short(probe.name),
            )
        place.set_ylabel(f"{title}, %", fontsize=8.5)
        place.set_ylim(0, 100)
        place.grid(axis="y", alpha=0.25, linewidth=0.5)
        place.set_axisbelow(True)
        place.tick_params(labelsize=8)
    names = [f"{table.name}\n{table.classes} classes\n{len(table.texts):,} texts" for table in tables]
    places[-1].set_xticks(range(len(tables)), names, fontsize=7.5)
    figure.suptitle(f"Linear probes, {report.folds} folds, ± standard error", fontsize=10, x=0.01, ha="left")
    figure.legend(
        *places[0].get_legend_handles_labels(),
        loc="outside lower left",
        ncols=4,
        fontsize=8,
        frameon=False,
    )
    return png(figure)
