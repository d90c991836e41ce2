"""The report of a mining run: one HTML file that needs no network, no script and no other file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus_builder.errors import InputError
from corpus_builder.report.charts import HEIGHT, WIDTH, Chart, bar_chart
from corpus_builder.report.differences import Span, mark_differences
from corpus_builder.report.funnel import funnel, other_counts
from corpus_builder.report.histograms import Bin, Histogram
from corpus_builder.report.run_files import RunFiles, find_run
from corpus_builder.report.statistics import BANDS, MinedPair, RunStatistics, read_rejects
from corpus_builder.writers import AtomicWriter

_TEMPLATE = "page.html.j2"
_MOST_REJECTS = 200
_MOST_SOURCES = 50
_LONGEST_TEXT = 400  # of a sample; longer ones are shown cut, with their length
# What HTML cannot hold (C0 and C1 controls but tab and line ends, half surrogate pairs, noncharacters).
_NOT_HTML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Sample:
    """A pair as the page shows it."""

    score: float
    a: list[Span]
    b: list[Span]
    source: str
    origin: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Band:
    """The samples of one band of similarity."""

    label: str
    pairs: int
    samples: list[Sample]


def write_report(
    run_path: str | Path, output_html: str | Path, *, samples: int = 20, seed: int = 0
) -> RunStatistics:
    """Write the page of a run: funnel, distributions, samples, rejects, inputs, settings.

    The rows are read once, in memory that does not grow with them. The page depends on the run and the
    arguments alone: no time stamp, so that equal runs give equal bytes.

    Args:
        run_path: the run's output, a file or a folder of shards with pairs or groups as JSON lines; see
            :func:`corpus_builder.report.run_files.find_run` for where its summary and rejects are sought.
        output_html: the file to write.
        samples: pairs shown of each band of similarity.
        seed: of the choice of samples.

    Returns:
        What was counted, for a line on the terminal.

    Raises:
        InputError: there is no such run, a row is neither pair nor group, a score is outside [0, 1], or the
            page cannot be written.

    Example:
        >>> write_report("pairs.jsonl.gz", "report.html").pairs  # doctest: +SKIP
        12345
    """
    if samples < 0:
        raise InputError(f"--samples {samples}: must not be negative")
    run = find_run(run_path)
    statistics = RunStatistics.of(run.data, samples, seed)
    page = _render(_content(run, statistics, samples, seed))
    with AtomicWriter(output_html) as out:
        out.write_line(page)
    return statistics


def _render(content: dict[str, Any]) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("corpus_builder.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: _NOT_HTML.sub("\ufffd", value) if type(value) is str else value,
    )
    return environment.get_template(_TEMPLATE).render(content).rstrip("\n")


def _content(run: RunFiles, statistics: RunStatistics, samples: int, seed: int) -> dict[str, Any]:
    reject_count, rejects = read_rejects(run.rejects_path, _MOST_REJECTS)
    sources = statistics.sources.most_common()
    shown = sources[:_MOST_SOURCES]
    if rest := sources[_MOST_SOURCES:]:
        shown.append((f"{len(rest)} further sources", sum(count for _, count in rest)))
    seconds, seed_used = run.summary.get("seconds"), run.summary.get("seed")
    return {
        "name": run.name,
        "command": str(run.summary.get("command", "mined rows")),
        "rows": statistics.rows,
        "files": len(run.data),
        "pairs": statistics.pairs,
        "seconds": seconds if isinstance(seconds, int | float) else None,
        "warnings": _warnings(run, statistics),
        "stages": funnel(run.counts),
        "counts": {name: f"{count:,}" for name, count in other_counts(run.counts).items()},
        "charts": _charts(statistics),
        "chart_width": WIDTH,
        "chart_height": HEIGHT,
        "sources": shown,
        "bands": _bands(statistics),
        "sample_size": samples,
        "seed": seed,
        "reject_count": reject_count,
        "rejects": [{key: str(row.get(key, "")) for key in ("file", "line", "reason")} for row in rejects],
        "inputs": run.inputs,
        "settings": _flat(run.table("settings") | ({} if seed_used is None else {"seed": seed_used})),
        "versions": _flat(run.table("versions")),
    }


def _warnings(run: RunFiles, statistics: RunStatistics) -> list[str]:
    """What does not add up, and what the page had to make up for."""
    warnings = []
    written = run.counts.get("rows written")
    if written is not None and written != statistics.rows:
        warnings.append(
            f"The summary says {written:,} rows were written, the files hold {statistics.rows:,}: "
            "they changed since, or belong to another run."
        )
    for stage in funnel(run.counts):
        if any(step.left < 0 for step in stage) or stage[-1].dropped < 0:
            warnings.append(f"The counts of {stage[0].label} do not add up: more are left than came in.")
    if statistics.computed_scores:
        warnings.append(
            f"{statistics.computed_scores:,} of {statistics.pairs:,} pairs carry no score; the Jaccard "
            "similarity of their characters is shown instead."
        )
    if run.summary_path is None:
        warnings.append("There is no summary beside the run: no funnel, settings and inputs.")
    return warnings


def _charts(statistics: RunStatistics) -> list[tuple[Chart, str, str]]:
    """Each chart with its title and a line of figures."""
    scores = statistics.scores
    partners = statistics.partners.histogram()
    estimated = "" if statistics.partners.scale == 1 else f", from 1 in {statistics.partners.scale:,} of them"
    charts = [
        (
            bar_chart(scores.bins(), lambda b: f"{b.low:.2f} to {b.high:.2f}", lambda b: f"{b.low:.2f}"),
            "Similarity of a pair",
            f"mean {scores.mean:.3f}",
        ),
        (_histogram(statistics.lengths), "Length of a sentence in characters", _figures(statistics.lengths)),
        (
            _histogram(statistics.length_differences),
            "Difference of a pair's lengths in characters",
            _figures(statistics.length_differences),
        ),
        (
            _histogram(partners),
            "Partners of a sentence",
            f"{_figures(partners)}; {partners.total:,} different sentences{estimated}",
        ),
    ]
    if statistics.group_sizes.total:
        sizes = statistics.group_sizes
        charts.append((_histogram(sizes), "Members of a group", _figures(sizes)))
    return charts


def _histogram(histogram: Histogram) -> Chart:
    def describe(bin: Bin) -> str:
        last = bin.high - 1
        return f"{bin.low:g}" if last == bin.low else f"{bin.low:g} to {last:g}"

    return bar_chart(histogram.bins(), describe, lambda bin: f"{bin.low:g}")


def _figures(histogram: Histogram) -> str:
    return (
        f"mean {histogram.mean:.1f}, median {histogram.quantile(0.5)}, 95 % up to {histogram.quantile(0.95)}"
    )


def _bands(statistics: RunStatistics) -> list[Band]:
    """The bands that hold pairs, the most similar first; samples by falling similarity."""
    bands = []
    for n in reversed(range(BANDS)):
        reservoir = statistics.samples[n]
        if reservoir.seen:
            chosen = sorted(reservoir.items, key=lambda pair: (-pair.score, pair.file, pair.line))
            label = f"{n / BANDS:.1f} to {(n + 1) / BANDS:.1f}"
            bands.append(Band(label, reservoir.seen, [_sample(pair) for pair in chosen]))
    return bands


def _sample(pair: MinedPair) -> Sample:
    a, b = mark_differences(_cut(pair.text_a), _cut(pair.text_b))
    return Sample(pair.score, a, b, pair.source, _cut(pair.origin), pair.file, pair.line)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]} [... {len(text):,} characters]"


def _flat(table: Mapping[str, Any]) -> dict[str, str]:
    """Values as the user would write them: strings as they are, everything else as JSON."""
    return {
        str(key): value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
        for key, value in table.items()
    }
