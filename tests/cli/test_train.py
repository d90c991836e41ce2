"""``roformer-sim train``: recipes, resuming, Ctrl-C, the untrained network."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from roformer_sim.cli import main
from roformer_sim.cli.train import RECIPES

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


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory, tiny_tokenizer, tiny_config) -> Path:
    """A recipe of two steps an epoch on hand-written groups."""
    folder = tmp_path_factory.mktemp("recipe")
    tiny_tokenizer.save(folder / "vocab.txt")
    rows = [{"text": first, "synonyms": rest} for first, *rest in GROUPS]
    (folder / "groups.jsonl").write_text(
        "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8"
    )
    config = tiny_config.model_dump(include={"hidden_size", "num_hidden_layers", "num_attention_heads"})
    lines = [
        "[start]",
        f"vocab = {str(folder / 'vocab.txt')!r}",
        "[start.config]",
        *(f"{key} = {value}" for key, value in config.items()),
        "intermediate_size = 64",
        "[data]",
        "rows = 'similar'",
        f"groups = [{str(folder / 'groups.jsonl')!r}]",
        "held_out = 0",
        "maxlen = 16",
        "noise = 0.0",
        "[objectives.generation]",
        "[objectives.in_batch]",
        "[train]",
        "batch_rows = 4",
        "epochs = 1",
        "steps_per_epoch = 2",
        "warmup_steps = 1",
        "dtype = 'float32'",
        "[watch]",
        "samples = ['怎么开通花呗']",
        "tensorboard = false",
    ]
    path = folder / "recipe.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


class FinishedRun(NamedTuple):
    """A run of one epoch and what the command printed."""

    folder: Path
    out: str


@pytest.fixture(scope="module")
def finished(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    """One training for the whole file: compiling a training step takes seconds."""
    folder, out = tmp_path_factory.mktemp("runs") / "run", io.StringIO()
    with contextlib.redirect_stdout(out), pytest.raises(SystemExit) as end:
        main(["train", str(recipe), "--output", str(folder)])
    assert not end.value.code
    return FinishedRun(folder, out.getvalue())


@pytest.fixture
def run_copy(finished: FinishedRun, tmp_path: Path) -> Path:
    """The finished run, to be changed."""
    return Path(shutil.copytree(finished.folder, tmp_path / "run", symlinks=True))


def test_a_recipe_trains_a_preset_and_shows_samples(cli, finished: FinishedRun) -> None:
    assert "  怎么开通花呗 -> " in finished.out
    assert "generation_loss" in finished.out and "similarity_loss" in finished.out
    folder = finished.folder
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert finished.out.endswith(f"best: {folder / 'best'}\nlast: {folder / 'last'}\n")
    assert cli("similarity", "今天", "明天", "-m", folder / "last").code == 0


@pytest.mark.usefixtures("no_curves")
def test_the_same_command_goes_on_with_the_run_and_json_has_stdout_to_itself(
    cli, recipe: Path, run_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from roformer_sim.model import RoFormerSim

    built: list[object] = []
    construct = RoFormerSim.__init__

    def counted(self: RoFormerSim, *arguments: object, **options: object) -> None:
        built.append(self)
        construct(self, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(RoFormerSim, "__init__", counted)
    result = cli("train", recipe, "-o", run_copy, "--set", "train.epochs=3", "--json")
    assert result.code == 0, result.err
    assert json.loads(result.out) == {"best": str(run_copy / "best"), "last": str(run_copy / "last")}
    assert "epoch 1/3" not in result.err
    assert "epoch 2/3" in result.err and "epoch 3/3" in result.err
    assert json.loads((run_copy / "last" / "metadata.json").read_text("utf-8"))["epochs_done"] == 3
    assert len(built) == 1, "one model shows the samples of all epochs"


def test_ctrl_c_names_the_last_complete_checkpoint(
    cli, recipe: Path, finished: FinishedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from roformer_sim.training import trainer

    def interrupted(*arguments: object, **options: object) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(trainer, "train", interrupted)
    output = finished.folder
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
    message = refused("train", "no-such-recipe", "-o", tmp_path / "run")
    assert "(cosent, pretrain, rdrop, simbert, simcse_sup, " in message


@pytest.mark.parametrize("name", sorted(path.stem for path in RECIPES.glob("*.toml")))
def test_every_shipped_recipe_explains_itself_and_comments_every_value(cli, name: str) -> None:
    result = cli("train", name, "--explain")
    assert result.code == 0, result.err
    for word in ("start", "data", "loss = sum of", "steps", "every value, as --set takes it"):
        assert f"\n{word}" in f"\n{result.out}"
    lines = (RECIPES / f"{name}.toml").read_text("utf-8").splitlines()
    for before, line in zip(["", *lines], lines, strict=False):
        assert " = " not in line or "  # " in line or " # " in line or before.startswith("#"), line


def test_explain_marks_missing_files_and_runs_nothing(cli, recipe: Path, tmp_path: Path) -> None:
    groups = f"data.groups=['{recipe.parent / 'groups.jsonl'}', '{tmp_path / 'none.jsonl'}']"
    result = cli("train", recipe, "--explain", "--set", groups)
    assert f"groups: {recipe.parent / 'groups.jsonl'}\n" in result.out
    assert f"groups: {tmp_path / 'none.jsonl'} (MISSING)\n" in result.out
    assert "1 epochs x 2 = 2 batches, 8 rows" in result.out
    as_json = cli("train", recipe, "--explain", "--json")
    assert json.loads(as_json.out)["train"]["batch_rows"] == 4


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["data.copies=1", "objectives.rdrop.weight=1"], "set data.copies = 2"),
        (["objectives.sbert.weight=1"], "objectives.sbert needs data.rows = 'labelled'"),
        (["train.batch_rows=6", "data.copies=2"], "train.batch_rows must be a multiple of 4"),
        (["data.copies=2"], "holds a single item of 4 rows"),
        (["objectives.in_batch.temperature=1"], "objectives.in_batch.temperature"),
        (["data.triples=['a.tsv']"], "data.triples"),
    ],
)
def test_terms_and_rows_that_do_not_fit_are_refused(refused, recipe: Path, changes, said, tmp_path) -> None:
    overrides = [part for change in changes for part in ("--set", change)]
    assert said in refused("train", recipe, "-o", tmp_path / "run", *overrides)


@pytest.mark.usefixtures("no_curves")
def test_a_loss_that_is_no_number_ends_with_code_1(cli, recipe: Path, tmp_path: Path) -> None:
    overrides = [
        "--set",
        "train.learning_rate=1e30",
        "--set",
        "train.epochs=4",
        "--set",
        "train.clip_norm=1e30",
    ]
    result = cli("train", recipe, "-o", tmp_path / "run", *overrides)
    assert result.code == 1
    assert "training stopped at step" in result.err and "train.learning_rate" in result.err


def test_wrong_recipes_are_refused(refused, recipe: Path, tmp_path: Path) -> None:
    run = ["-o", tmp_path / "run"]
    assert "train.epoch" in refused("train", recipe, *run, "--set", "train.epoch=3")
    assert "expected section.key=value" in refused("train", recipe, *run, "--set", "epochs")
    assert "give --output RUN" in refused("train", recipe)
    assert "give --output RUN" in refused("train", recipe, *run, "--untrained", tmp_path / "u")
    broken = tmp_path / "broken.toml"
    broken.write_text("[start\n", encoding="utf-8")
    assert f"{broken}: not a TOML file" in refused("train", broken, *run)


def test_samples_are_of_the_weights_as_they_are_now(tiny_preset) -> None:
    from roformer_sim import RoFormerSim
    from roformer_sim.cli.train import SampleSynonyms

    model, samples = RoFormerSim.from_preset(tiny_preset), SampleSynonyms()
    before = samples(model.backbone, model.tokenizer, "今天下雨")
    assert samples(model.backbone, model.tokenizer, "今天下雨") == before
    model.backbone.lm_bias.assign(-5.0 * np.arange(model.config.vocab_size))
    assert samples(model.backbone, model.tokenizer, "今天下雨") != before
