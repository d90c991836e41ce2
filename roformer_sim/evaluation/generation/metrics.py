"""The figures by name, as reports show them."""

from __future__ import annotations

from typing import NamedTuple


class Metric(NamedTuple):
    """A figure that each source has of its variants; a report shows its mean over sources.

    Attributes:
        name: In JSON and CSV.
        title: Over its column.
        meaning: A line below the table.
        digits: Shown after the point.
        better: ``"higher"``, ``"lower"``, or empty where neither is.
    """

    name: str
    title: str
    meaning: str
    digits: int
    better: str


METRICS = {
    metric.name: metric
    for metric in (
        Metric("returned", "returned", "variants returned for a source", 1, ""),
        Metric(
            "new",
            "new",
            "of them new beyond punctuation, case, width, spaces and closing particles: not the source, nor "
            "an earlier variant again",
            1,
            "higher",
        ),
        Metric("new_share", "new %", "new / returned", 1, "higher"),
        Metric("distinct_1", "dist-1", "different characters / characters of all variants", 3, "higher"),
        Metric("distinct_2", "dist-2", "the same of pairs of characters", 3, "higher"),
        Metric("self_bleu", "self-BLEU", "BLEU of a variant against the others", 1, "lower"),
        Metric("bleu_references", "BLEU ref", "BLEU against what people wrote", 1, "higher"),
        Metric("bleu_source", "BLEU src", "BLEU against the source", 1, ""),
        Metric("ibleu", "iBLEU", "0.8 BLEU ref - 0.2 BLEU src", 1, "higher"),
        Metric("similarity", "similarity", "cosine with the source by an independent encoder", 3, "higher"),
        Metric(
            "kept_numbers",
            "numbers %",
            "variants that hold all numbers of the source, over sources with one",
            1,
            "higher",
        ),
        Metric(
            "kept_negation", "negation %", "variants that deny if the source does, and only then", 1, "higher"
        ),
        Metric(
            "perplexity",
            "perplexity",
            "of a variant given its source under the measured model: exp of the mean over sources of nats a "
            "token",
            2,
            "lower",
        ),
    )
}
PERCENT = frozenset(name for name, metric in METRICS.items() if metric.title.endswith("%"))
"""Shares, shown as percent."""
EXPONENTIATED = "perplexity"
"""Averaged as its logarithm."""
