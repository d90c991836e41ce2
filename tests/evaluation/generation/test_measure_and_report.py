"""Systems measured side by side, and what is shown of it."""

from __future__ import annotations

import csv
import io
import json
import math

import numpy as np
import pytest

from corpus_builder.errors import InputError
from roformer_sim.evaluation.generation import (
    REFERENCES,
    GenerationReport,
    Source,
    copying,
    evaluate_generation,
)
from roformer_sim.evaluation.generation.plot import plot_figures

SOURCES = [
    Source("怎么开通花呗？", ("花呗如何开通", "如何开通花呗"), "questions"),
    Source("广州3天好玩吗", ("广州三天好玩", "三天广州好玩吗"), "questions"),
    Source("他不在弹琴。", ("他没有弹钢琴。",), "statements"),
]
MADE = {
    "怎么开通花呗？": ["花呗如何开通", "怎么开通花呗"],
    "广州3天好玩吗": ["广州好玩吗", "深圳3天好玩吗"],
    "他不在弹琴。": [],
}


def characters(texts: list[str]) -> np.ndarray:
    """An encoder whose cosine is that of character counts."""
    alphabet = sorted({c for source in SOURCES for text in (source.text, *source.references) for c in text})
    return np.array([[text.count(c) for c in alphabet] for text in texts], np.float32)


def nats(sources: list[str], variants: list[str]) -> list[float]:
    pairs = zip(sources, variants, strict=True)
    return [math.log(2) if source == variant else math.log(8) for source, variant in pairs]


@pytest.fixture(scope="module")
def scores():
    systems = {"made": lambda texts: [MADE[text] for text in texts], "copying": copying(2)}
    return evaluate_generation(systems, SOURCES, similarity=characters, nats_per_token=nats, block=2)


@pytest.fixture(scope="module")
def report(scores) -> GenerationReport:
    return GenerationReport(SOURCES, scores, "made", k=2, settings={"seed": 0}, resamples=200)


def test_each_source_has_each_figure_of_each_system(scores) -> None:
    made, copied, people = scores
    assert [system.name for system in scores] == ["made", "copying", REFERENCES]
    np.testing.assert_array_equal(made.values["returned"], [2, 2, 0])
    np.testing.assert_array_equal(made.values["new"], [1, 2, 0])
    np.testing.assert_array_equal(made.values["new_share"], [0.5, 1, np.nan])
    np.testing.assert_array_equal(made.values["kept_numbers"], [np.nan, 0.5, np.nan])
    np.testing.assert_array_equal(made.values["kept_negation"], [1, 1, np.nan])
    np.testing.assert_array_equal(people.values["kept_negation"], [1, 1, 1])
    np.testing.assert_allclose(copied.values["similarity"], 1.0)
    np.testing.assert_allclose(copied.values["perplexity"], math.log(2))
    np.testing.assert_allclose(copied.values["self_bleu"], 100.0)
    assert copied.variants[0] == ["怎么开通花呗？"] * 2


def test_similarity_is_the_mean_cosine_of_source_and_variants(scores) -> None:
    source, *variants = characters([SOURCES[0].text, *MADE[SOURCES[0].text]])
    cosines = [v @ source / np.linalg.norm(v) / np.linalg.norm(source) for v in variants]
    assert scores[0].values["similarity"][0] == pytest.approx(np.mean(cosines))


def test_a_reference_is_compared_with_the_other_references_of_its_source(scores) -> None:
    people = scores[-1].values
    np.testing.assert_array_equal(people["bleu_references"], people["self_bleu"])
    assert math.isnan(people["bleu_references"][2])
    assert (scores[1].values["bleu_references"] < 100).all()


def test_means_are_over_sources_and_perplexity_is_a_geometric_mean(report: GenerationReport) -> None:
    figures = report.estimates["all"]["made"]
    assert figures["new"].mean == 1.0
    assert figures["new_share"][::3] == (0.75, 2)
    assert report.estimates["all"]["copying"]["perplexity"].mean == pytest.approx(2.0)
    assert report.estimates["questions"]["made"]["perplexity"].mean == pytest.approx(8.0)
    assert report.estimates["statements"]["made"]["new"].mean == 0.0


def test_the_bars_are_fifteen_of_twenty_new_and_the_references_similarity(scores, report) -> None:
    bars = report.bars()
    assert (bars["new"]["mean"], bars["new"]["bar"], bars["new"]["reached"]) == (1.0, 1.5, False)
    difference = scores[0].values["similarity"] - scores[-1].values["similarity"]
    assert bars["similarity"]["mean"] == pytest.approx(np.nanmean(difference), abs=1e-6)
    assert bars["similarity"]["sources"] == 2
    copied = GenerationReport(SOURCES, scores, "copying", k=2).bars()
    assert [copied[name]["reached"] for name in ("new", "similarity")] == [False, True]


def test_json_csv_and_markdown_say_the_same(report: GenerationReport) -> None:
    values = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert values["sources"] == {"all": 3, "questions": 2, "statements": 1}
    assert values["figures"]["statements"]["made"]["self_bleu"]["mean"] is None
    rows = list(csv.DictReader(io.StringIO(report.to_csv())))
    assert len(rows) == 3 * 3 * len(values["metrics"])
    for row in rows:
        figure = values["figures"][row["sources"]][row["system"]][row["metric"]]
        assert figure["sources"] == int(row["n"])
        for key in ("mean", "low", "high"):
            assert (
                row[key] == ""
                if figure[key] is None
                else float(row[key]) == pytest.approx(figure[key], rel=1e-4, abs=1e-6)
            )
    markdown = report.to_markdown()
    assert "**2 questions**" in markdown and "| copying | 2.0 ± 0.0 | 0.0 ± 0.0 | 0.0 ± 0.0 |" in markdown
    assert "new variants: 1.0 (" in markdown and "bar 1.5: not reached." in markdown
    shown = io.StringIO()
    report.print(shown)
    assert all(text in shown.getvalue() for text in ("3 sources", REFERENCES, "self-BLEU", "not reached"))


def test_examples_put_what_is_not_new_in_brackets(report: GenerationReport) -> None:
    examples = report.examples()
    assert "- made: 花呗如何开通; [怎么开通花呗]" in examples
    assert "- copying: [怎么开通花呗？]; [怎么开通花呗？]" in examples
    assert "**他不在弹琴。**\n\n- made: -\n" in examples
    rows = list(report.variant_rows())
    assert rows[1]["variants"]["made"] == MADE[rows[1]["text"]]


def test_the_plot_is_a_picture(report: GenerationReport, tmp_path) -> None:
    plot_figures(report, tmp_path / "figures.png")
    assert (tmp_path / "figures.png").read_bytes().startswith(b"\x89PNG")


def test_wrong_systems_are_refused() -> None:
    with pytest.raises(InputError, match="no source"):
        evaluate_generation({}, [])
    with pytest.raises(InputError, match="short: 3 sources gave 1 lists"):
        evaluate_generation({"short": lambda texts: [[]]}, SOURCES)
    with pytest.raises(InputError, match="call the system something else"):
        evaluate_generation({REFERENCES: copying()}, SOURCES)
