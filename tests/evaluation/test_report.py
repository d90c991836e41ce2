"""The report: every figure under its table, split and number of rows."""

from __future__ import annotations

import io
import json
import math

import pytest

from roformer_sim.evaluation import StsReport, StsScores, read_sts_table

NAME = "runs/" + "a-folder-with-a-long-name/" * 5 + "best"


@pytest.fixture
def report(write_table) -> StsReport:
    tables = [read_sts_table(write_table(name)) for name in ("ATEC/valid.tsv", "BQ/test.tsv")]
    trained = StsScores(NAME, {"P1": [30.0, 40.0], "P2": [35.0, 41.5]}, [0, 3], 16, 0.5)
    untrained = StsScores("untrained", {"P1": [31.0, 20.0], "P2": [1.0, 2.0]}, [0, 3], 16, 0.5)
    baseline = StsScores("character Jaccard", {"": [25.25, 30.25]})
    return StsReport(tables, [trained, untrained], baseline, untrained="untrained", maxlen=64)


def test_json_names_tables_splits_rows_and_every_figure(report: StsReport) -> None:
    values = json.loads(json.dumps(report.to_dict()))
    assert [(t["name"], t["split"], t["rows"]) for t in values["tables"]] == [
        ("ATEC", "valid", 4),
        ("BQ", "test", 4),
    ]
    assert values["models"][0]["scores"]["P2"] == {"ATEC": 35.0, "BQ": 41.5, "average": 38.25}
    assert values["models"][0]["truncated_sentences"] == {"ATEC": 0, "BQ": 3}
    assert [model["untrained"] for model in values["models"]] == [False, True]
    assert values["character_jaccard"] == {"ATEC": 25.25, "BQ": 30.25, "average": 27.75}


def test_gains_compare_each_pooling_and_the_best_of_each(report: StsReport) -> None:
    # The best of the trained model by average is P2, of the untrained one P1.
    assert report.gains() == {
        "P1": {"ATEC": -1.0, "BQ": 20.0},
        "P2": {"ATEC": 34.0, "BQ": 39.5},
        "best": {"ATEC": 4.0, "BQ": 21.5},
    }
    assert "P1 1 of 2, P2 2 of 2, best 2 of 2" in report.notes()[-1]


def test_without_an_untrained_model_nothing_is_compared(report: StsReport) -> None:
    alone = StsReport(report.tables, report.models[:1], report.baseline)
    assert alone.gains() == {}
    assert "above_untrained" not in alone.to_dict()


def test_markdown_has_a_row_for_each_pooling_and_says_what_was_cut(report: StsReport) -> None:
    lines = report.to_markdown().splitlines()
    assert "| model | pooling | ATEC valid (4) | BQ test (4) | average |" in lines
    assert f"| {NAME} | P2 | 35.00 | 41.50 | 38.25 |" in lines
    assert "| character Jaccard | - | 25.25 | 30.25 | 27.75 |" in lines
    assert f"{NAME}: sentences cut to 64 tokens: BQ 3." in lines


def test_the_printed_table_holds_the_same_figures_unfolded(report: StsReport) -> None:
    stream = io.StringIO()
    report.print(stream)
    rows = [line.split() for line in stream.getvalue().splitlines()]
    assert [NAME, "P2", "35.00", "41.50", "38.25"] in rows
    assert ["character", "Jaccard", "-", "25.25", "30.25", "27.75"] in rows
    assert ["valid", "test"] in rows and ["model", "pooling", "4", "4", "average"] in rows


def test_an_undefined_figure_is_null_in_json_and_a_word_in_tables(report: StsReport) -> None:
    constant = StsScores("constant", {"P1": [math.nan, 1.0]})
    broken = StsReport(report.tables, [constant], report.baseline)
    assert broken.to_dict()["models"][0]["scores"]["P1"] == {"ATEC": None, "BQ": 1.0, "average": None}
    assert "| constant | P1 | undefined | 1.00 | undefined |" in broken.to_markdown()


def test_two_splits_of_one_set_keep_apart(write_table) -> None:
    tables = [read_sts_table(write_table(name)) for name in ("BQ/valid.tsv", "BQ/test.tsv")]
    both = StsReport(tables, [StsScores("mini", {"P1": [1.0, 2.0]})], StsScores("Jaccard", {"": [3.0, 4.0]}))
    scores = both.to_dict()["models"][0]["scores"]["P1"]
    assert scores == {"BQ valid": 1.0, "BQ test": 2.0, "average": 1.5}
