"""``roformer-sim train``: recipes, resuming, Ctrl-C, the untrained network."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from roformer_sim.cli.train import RECIPES, SampleSynonyms

GROUPS = [
    ["广州和深圳哪个好", "深圳和广州哪个更好", "广州好还是深圳好"],
    ["怎么开通花呗", "花呗如何开通", "如何开通花呗呢"],
    ["今天下雨吗", "今天有雨吗"],
    ["苹果手机多少钱", "苹果手机什么价"],
    ["去公园怎么走", "如何去公园"],
    ["北京天气好吗", "北京的天气如何"],
    ["怎么还款", "如何还款呢"],
    ["学习中文的书", "中文学习的书"],
]


@pytest.fixture
def recipe(tmp_path: Path, tiny_tokenizer, tiny_config) -> Path:
    """A recipe of two steps an epoch on hand-written groups."""
    tiny_tokenizer.save(tmp_path / "vocab.txt")
    rows = [{"text": first, "synonyms": rest} for first, *rest in GROUPS]
    (tmp_path / "groups.jsonl").write_text(
        "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8"
    )
    config = tiny_config.model_dump(include={"hidden_size", "num_hidden_layers", "num_attention_heads"})
    lines = [
        "[start]",
        f"vocab = {str(tmp_path / 'vocab.txt')!r}",
        "[start.config]",
        *(f"{key} = {value}" for key, value in config.items()),
        "intermediate_size = 64",
        "[data]",
        f"groups = [{str(tmp_path / 'groups.jsonl')!r}]",
        "held_out = 0",
        "maxlen = 16",
        "noise = 0.0",
        "[train]",
        "batch_rows = 4",
        "epochs = 1",
        "steps_per_epoch = 2",
        "warmup_steps = 1",
        "dtype = 'float32'",
        "[report]",
        "samples = ['怎么开通花呗']",
        "tensorboard = false",
    ]
    path = tmp_path / "recipe.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_a_recipe_trains_a_preset_and_shows_samples(cli, recipe: Path, tmp_path: Path) -> None:
    output = tmp_path / "run"
    result = cli("train", recipe, "--output", output)
    assert result.code == 0, result.err
    assert "  怎么开通花呗 -> " in result.out
    assert result.out.endswith(f"best: {output / 'best'}\nlast: {output / 'last'}\n")
    assert cli("similarity", "今天", "明天", "-m", output / "last").code == 0


def test_with_json_stdout_holds_the_result_alone(cli, recipe: Path, tmp_path: Path) -> None:
    output = tmp_path / "run"
    result = cli("train", recipe, "-o", output, "--json")
    assert json.loads(result.out) == {"best": str(output / "best"), "last": str(output / "last")}
    assert "generation_loss" in result.err


def test_the_same_command_goes_on_with_the_run(cli, recipe: Path, tmp_path: Path) -> None:
    output = tmp_path / "run"
    cli("train", recipe, "-o", output)
    result = cli("train", recipe, "-o", output, "--set", "train.epochs=2")
    assert result.code == 0, result.err
    assert "Epoch 2/2" in result.out and "Epoch 1/2" not in result.out
    assert json.loads((output / "last" / "metadata.json").read_text("utf-8"))["epochs_done"] == 2


def test_ctrl_c_names_the_last_complete_checkpoint(cli, recipe: Path, tmp_path: Path, monkeypatch) -> None:
    from roformer_sim.training import trainer

    def interrupted(*arguments: object, **options: object) -> Path:
        raise KeyboardInterrupt

    output = tmp_path / "run"
    cli("train", recipe, "-o", output)
    monkeypatch.setattr(trainer, "train", interrupted)
    result = cli("train", recipe, "-o", output)
    assert (result.code, result.out) == (130, "")
    assert result.err == (
        f"error: interrupted; the last complete checkpoint is {output / 'epoch-0001'}; "
        "the same command goes on from there\n"
    )
    result = cli("train", recipe, "-o", tmp_path / "other")
    assert (result.code, result.err.splitlines()) == (
        130,
        ["error: interrupted; no epoch was complete; the same command begins anew"],
    )


def test_untrained_writes_the_network_before_training(cli, recipe: Path, tmp_path: Path) -> None:
    from roformer_sim import RoFormerSim

    folder = tmp_path / "untrained"
    result = cli("train", recipe, "--untrained", folder)
    assert (result.code, result.out) == (0, f"preset: {folder}\n")
    model = RoFormerSim.from_preset(folder)
    assert model.config.hidden_size == 32
    again = tmp_path / "again"
    cli("train", recipe, "--untrained", again)
    np.testing.assert_array_equal(model.encode("今天下雨"), RoFormerSim.from_preset(again).encode("今天下雨"))
    cli("train", recipe, "--untrained", again, "--set", "train.seed=1")
    assert not np.allclose(model.encode("今天下雨"), RoFormerSim.from_preset(again).encode("今天下雨"))


def test_shipped_recipes_are_found_by_name(refused, tmp_path: Path) -> None:
    assert (RECIPES / "stage1_mini.toml").is_file()
    message = refused(
        "train", "stage1_mini", "-o", tmp_path / "run", "--set", f"start.vocab={tmp_path / 'none'}"
    )
    assert str(tmp_path / "none") in message
    assert "(simbert, stage1, stage1_mini)" in refused("train", "no-such-recipe", "-o", tmp_path / "run")


def test_wrong_recipes_are_refused(refused, recipe: Path, tmp_path: Path) -> None:
    run = ["-o", tmp_path / "run"]
    assert "train.epoch" in refused("train", recipe, *run, "--set", "train.epoch=3")
    assert "expected section.key=value" in refused("train", recipe, *run, "--set", "epochs")
    assert "give --output RUN" in refused("train", recipe)
    assert "give --output RUN" in refused("train", recipe, *run, "--untrained", tmp_path / "u")
    recipe.write_text("[start\n", encoding="utf-8")
    assert f"{recipe}: not a TOML file" in refused("train", recipe, *run)


def test_samples_build_one_model_for_all_epochs(tiny_model) -> None:
    samples = SampleSynonyms()
    first = samples(tiny_model.backbone, tiny_model.tokenizer, "今天下雨")
    built = samples._model
    assert samples(tiny_model.backbone, tiny_model.tokenizer, "今天下雨") == first
    assert samples._model is built
    assert len(first) <= 5
