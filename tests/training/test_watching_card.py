"""The model card says what the metadata says and nothing else; which panels the curves have."""

from __future__ import annotations

import math
import platform
import sys

import pytest

from roformer_sim.checkpoints import load_preset, save_preset
from roformer_sim.training.recipe import Recipe
from roformer_sim.training.run_metadata import without_folders
from roformer_sim.training.watching import curves
from roformer_sim.training.watching.curves import draw_curves, panels
from roformer_sim.training.watching.machine import machine_facts
from roformer_sim.training.watching.metrics_file import MetricsFile
from roformer_sim.training.watching.model_card import model_card, training_facts, write_model_card
from roformer_sim.training.watching.report import Report

ROWS = [
    {"step": 0, "epoch": 0, "seconds": 1.0, "sts_ATEC": 19.5, "uniformity": -0.5},
    {"step": 50, "epoch": 1, "seconds": 30.0, "tokens": 9000, "loss": 6.5},
    {
        "step": 100,
        "epoch": 1,
        "seconds": 60.0,
        "tokens": 18000,
        "loss": 5.0,
        "val_loss": 5.5,
        "sts_ATEC": 24.0,
    },
    {"step": 150, "epoch": 2, "seconds": 7200.0, "tokens": 27000, "loss": math.nan, "val_loss": 5.25},
    {"step": 200, "epoch": 2, "seconds": 9000.0, "tokens": 36000, "loss": 4.0, "val_loss": 5.75},
]
RECIPE = {
    "start": {"preset": "somewhere/chinese_roformer"},
    "data": {"groups": ["somewhere/groups.jsonl.gz"], "maxlen": 48, "noise": 0.5},
    "objectives": {"generation": {"weight": 1.0}, "rdrop": {"weight": 0.25}},
    "train": {"batch_rows": 96, "learning_rate": 1e-5},
}
MACHINE = {
    "cores": 2,
    "processor": "A | B",
    "backend": "jax",
    "devices": ["cpu:0"],
    "versions": {"keras": "3.15"},
}


def facts(step):
    return training_facts(ROWS, step=step, batch_rows=96, machine=MACHINE, chosen_by="val_loss")


def test_facts_are_those_of_the_checkpoints_step_not_of_the_runs_end():
    found = facts(150)
    assert found["training"] == {"steps": 150, "rows": 150 * 96, "tokens": 27000, "seconds": 7200.0}
    assert found["figures"]["sts_ATEC"] == {"first": 19.5, "first_step": 0, "last": 24.0, "last_step": 100}
    # A loss that is no number is no figure; JSON has none either.
    assert found["figures"]["loss"] == {"first": 6.5, "first_step": 50, "last": 5.0, "last_step": 100}
    assert found["figures"]["val_loss"]["last"] == 5.25
    assert not {"tokens", "seconds", "epoch"} & found["figures"].keys()


def test_the_card_says_what_was_trained_how_and_on_what(tiny_config):
    metadata = {"recipe": RECIPE, "training_sets": [32962, 91162]}
    card = model_card("mini", tiny_config.model_dump(), metadata | facts(150), 3_097_640, has_curves=True)
    for text in (
        "RoFormer, 2 layers x 32, 2 heads, feed-forward 64 (gelu), 3,097,640 parameters",
        "| started from | chinese_roformer |",
        "generation x 1, rdrop x 0.25",
        "150 steps, 14,400 rows, 27,000 tokens without padding, 2.0 hours",
        "2 cores of A \\| B; cpu:0; Keras on jax",
        "| `sts_ATEC` | 19.5 (step 0) | 24 (step 100) | higher |",
        "| `uniformity` | -0.5 (step 0) | -0.5 (step 0) | lower |",
        "chosen by `val_loss`",
        "`groups.jsonl.gz`. Training items, by kind: 32,962, 91,162.",
        "| train.learning_rate | `1e-05` |",
        'RoFormerSim.from_preset("mini")',
        "![curves of the training](curves.png)",
        "more than 48 tokens were cut",
    ):
        assert text in card
    assert card.startswith("---\nlanguage: zh\n")
    assert "somewhere" not in card


def test_a_card_of_labelled_tables_names_them_and_the_one_term(tiny_config):
    tables = [{"path": "somewhere/stsb.tsv", "max": 5.0}]
    recipe = Recipe(
        start={"preset": "somewhere/best"},
        data={"rows": "labelled", "sts": tables, "nli": ["ocnli.tsv"], "exclude": ["valid.tsv"]},
        objectives={"sbert": {}},
    )
    card = model_card("ft", tiny_config.model_dump(), {"recipe": without_folders(recipe.model_dump())})
    assert "| objectives | sbert x 1 |" in card
    assert "`stsb.tsv`, `ocnli.tsv`." in card and "valid.tsv" not in card and "somewhere" not in card


def test_what_the_metadata_does_not_say_is_left_out(tiny_config):
    card = model_card("mini", tiny_config.model_dump(), {})
    for heading in ("Figures", "Trained on", "Recipe"):
        assert f"## {heading}" not in card
    assert "None" not in card and "curves.png" not in card and "random weights" not in card


def test_the_card_goes_into_the_folder_and_counts_its_weights(tiny_preset, tmp_path):
    preset = load_preset(tiny_preset)
    preset.metadata = {"recipe": RECIPE, **facts(200)}
    save_preset(tmp_path / "epoch-0002", preset)
    (tmp_path / "best").symlink_to("epoch-0002")
    draw_curves(ROWS, tmp_path / "curves.png")
    path = write_model_card(tmp_path / "best", "mini", tmp_path / "curves.png")
    assert path == (tmp_path / "epoch-0002" / "README.md").resolve()
    weights = sum(array.size for array in preset.weights.values())
    assert f"{weights:,} parameters" in path.read_text(encoding="utf-8")
    assert path.with_name("curves.png").read_bytes() == (tmp_path / "curves.png").read_bytes()
    # The folder is still a preset.
    assert load_preset(tmp_path / "best").weights.keys() == preset.weights.keys()


def test_panels_hold_training_and_validation_together_and_all_sts_in_one():
    found = panels([*ROWS, {"step": 250, "token_accuracy": 0.5, "sts_BQ": 30.0, "sts_mean": 27.0}])
    assert [title for title, _ in found] == [
        "loss",
        "token accuracy",
        "STS, Spearman x 100",
        "uniformity (lower is better)",
    ]
    assert found[0][1] == [("training", "loss"), ("validation", "val_loss")]
    assert [column for _, column in found[2][1]] == ["sts_ATEC", "sts_BQ", "sts_mean"]


def test_without_matplotlib_a_run_goes_on_and_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("roformer_sim.training.watching.report.plots_available", lambda: False)
    metrics = MetricsFile(tmp_path / "metrics.csv")
    metrics.append(ROWS[1])
    report = Report(tmp_path, metrics, presets=list)
    report.on_train_begin()
    report.on_epoch_end(0)
    report.on_train_end()
    assert capsys.readouterr().out == (
        "no curves.png: Matplotlib is not installed (pip install 'roformer-sim[plots]')\n"
    )
    assert not (tmp_path / "curves.png").exists()


def test_a_missing_matplotlib_is_recognised(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert not curves.plots_available()


def test_the_machine_is_described_without_its_name():
    found = machine_facts()
    assert found["cores"] >= 1 and found["processor"] and found["devices"]
    assert found["versions"]["keras"] and found["backend"] in ("tensorflow", "jax")
    assert platform.node() not in str(found) or len(platform.node()) < 4


@pytest.mark.parametrize("points", [1, 200])
def test_curves_of_few_and_of_many_rows_can_be_drawn(tmp_path, points):
    pytest.importorskip("matplotlib", reason="Matplotlib is not installed (extra: plots)")
    rows = [{"step": 10 * i, "loss": 5.0 / (i + 1)} for i in range(points)]
    draw_curves(rows, tmp_path / "curves.png", "mini")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir()] == ["curves.png"]
