"""The report: every figure under its table, split and number of pairs, in every file."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path

import numpy as np
import pytest

from roformer_sim.evaluation import StsReport, evaluate_sts, read_sts_table
from roformer_sim.evaluation.sts import Bootstrap, Variant, character_jaccard, published_rows
from roformer_sim.evaluation.sts.files import write_report
from roformer_sim.evaluation.sts.terminal import print_report

NAME = "runs/" + "a-folder-with-a-long-name/" * 5 + "best"
FEW = Bootstrap(resamples=40)


def random_encoder(seed: int):
    """Vectors that depend on the sentence and the seed alone."""

    def encode(texts: list[str]) -> dict[str, np.ndarray]:
        rows = [np.random.default_rng([seed, *map(ord, text)]).standard_normal(3) for text in texts]
        return {"P1": np.array(rows), "P2": np.array(rows) ** 3}

    return encode


@pytest.fixture
def report(write_table) -> StsReport:
    tables = [read_sts_table(write_table(name)) for name in ("ATEC/valid.tsv", "BQ/test.tsv")]
    trained = evaluate_sts(random_encoder(1), tables, name=NAME, count_truncated=len, bootstrap=FEW)
    untrained = evaluate_sts(random_encoder(2), tables, name="untrained", bootstrap=FEW)
    encoders = [trained, untrained, character_jaccard(tables, FEW)]
    return StsReport(tables, encoders, "untrained", 64, FEW, published_rows())


def test_json_names_tables_splits_rows_and_every_figure(report: StsReport) -> None:
    values = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert [(t["name"], t["split"], t["rows"]) for t in values["tables"]] == [
        ("ATEC", "valid", 4),
        ("BQ", "test", 4),
    ]
    trained = values["encoders"][0]
    assert set(trained["scores"]) == {"P1", "P2"}
    cells = trained["scores"]["P2"]["whitening"]
    figures = report.encoders[0].figures[Variant("P2", "whitening")]
    assert cells["ATEC"]["spearman"] == pytest.approx(figures[0].spearman.value, abs=1e-4)
    mean = (figures[0].spearman.value + figures[1].spearman.value) / 2
    assert cells["macro average"]["spearman"] == pytest.approx(mean, abs=1e-4)
    assert trained["truncated_sentences"] == {"ATEC": 8, "BQ": 8}
    assert [encoder["untrained"] for encoder in values["encoders"]] == [False, True, False]
    assert values["encoders"][2]["scores"]["-"]["-"]["BQ"]["spearman"] == 100
    assert set(values["above_untrained"]) == {"ATEC", "BQ"}
    assert values["intervals"]["resamples"] == 40 and "percentiles" in values["intervals"]["method"]


def test_csv_has_a_line_a_figure(report: StsReport) -> None:
    lines = list(csv.DictReader(io.StringIO(report.to_csv())))
    assert len(lines) == (6 + 6 + 1) * 4
    [line] = [x for x in lines if x["encoder"] == "character Jaccard" and x["table"] == "ATEC"]
    assert (line["split"], line["pairs"], float(line["spearman"])) == ("valid", "4", 100)
    weighted = [x for x in lines if x["table"] == "weighted average"]
    assert {x["pairs"] for x in weighted} == {"8"}


def test_markdown_and_terminal_hold_the_same_figures(report: StsReport) -> None:
    value = f"{report.encoders[1].figures[Variant('P1', 'raw')][0].spearman.value:.2f}"
    [line] = [x for x in report.to_markdown().splitlines() if x.startswith("| untrained | P1 raw |")]
    assert line.split(" | ")[2].startswith(value)
    stream = io.StringIO()
    print_report(report, stream)
    rows = [line.split() for line in stream.getvalue().splitlines()]
    assert any(row[:4] == ["untrained", "P1", "raw", value] for row in rows)
    assert any(row[:1] == [NAME] for row in rows)
    assert ["encoder", "vectors", "4", "4", "average", "average"] in rows


def test_the_notes_say_what_figures_alone_do_not(report: StsReport) -> None:
    notes = "\n".join(report.notes())
    assert "fitted on the sentences of the evaluated table itself" in notes
    assert f"{NAME}: sentences cut to 64 tokens: ATEC 8, BQ 8." in notes
    assert "mean over the 2 tables (ATEC, BQ)" in notes
    assert "above untrained on" in notes


def test_an_undefined_figure_is_a_word_with_its_reason_in_every_file(write_table, tmp_path: Path) -> None:
    rows = [("一", "二", 1), ("三", "四", 1), ("一", "四", 1)]
    tables = [read_sts_table(write_table("A/valid.tsv", rows)), read_sts_table(write_table("B/valid.tsv"))]
    report = StsReport(tables, [evaluate_sts(random_encoder(1), tables, name="mine", bootstrap=FEW)])
    cell = report.to_dict()["encoders"][0]["scores"]["P1"]["raw"]
    assert cell["A"] == {"undefined": "all 3 labels are 1"}
    assert cell["macro average"] == {"undefined": "1 of 2 tables are undefined"}
    assert math.isfinite(cell["B"]["spearman"])
    assert any("on A: undefined, all 3 labels are 1." in note for note in report.notes())
    for path in write_report(report, tmp_path / "report"):
        if path.suffix in (".json", ".csv", ".md"):
            assert "nan" not in path.read_text("utf-8").lower()
        if path.suffix == ".html":
            assert "<b>nan</b>" not in path.read_text("utf-8") and "<b>undefined</b>" in path.read_text(
                "utf-8"
            )


def test_the_folder_holds_a_page_that_needs_nothing_else(report: StsReport, tmp_path: Path) -> None:
    files = write_report(report, tmp_path / "report")
    names = ["sts.json", "sts.csv", "sts.md", "sts.html", "sts.png", "sts_scores.png"]
    assert [path.name for path in files] == names
    page = files[3].read_text("utf-8")
    assert "<script" not in page and "http://" not in page and 'src="data:image/png;base64,' in page
    assert page.count('src="') == 2
    assert NAME in page and "SimBERT base" in page and "38.50" in page
    assert files[4].read_bytes().startswith(b"\x89PNG")


def test_names_are_text_not_markup_on_the_page(write_table, tmp_path: Path) -> None:
    tables = [read_sts_table(write_table("A/valid.tsv"))]
    scores = evaluate_sts(random_encoder(1), tables, name="<b>&mine", bootstrap=FEW)
    page = write_report(StsReport(tables, [scores]), tmp_path)[3].read_text("utf-8")
    assert "&lt;b&gt;&amp;mine" in page and "<b>&mine" not in page


def test_two_splits_of_one_set_keep_apart(write_table) -> None:
    tables = [read_sts_table(write_table(name)) for name in ("BQ/valid.tsv", "BQ/test.tsv")]
    both = StsReport(tables, [character_jaccard(tables, FEW)])
    assert both.keys == ["BQ valid", "BQ test"]


def test_published_rows_name_split_and_source() -> None:
    rows = published_rows()
    assert len(rows) == 41
    assert all(row.source and row.split and len(row.figures) == 5 for row in rows)
    assert {row.split for row in rows} == {"the authors' choice", "test"}
    [row] = [r for r in rows if r.system == "RoFormer-Sim base" and r.variant == ("P1", "whitening-256")]
    assert row.figures["STS-B"] == 76.29
