"""Checkpoints of a run: which are kept, which is the best, what a damaged one does."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
import warnings

import keras
import numpy as np
import pytest

from roformer_sim import InputError
from roformer_sim.checkpoints import Preset
from roformer_sim.checkpoints.weights import read_weights
from roformer_sim.models import Backbone
from roformer_sim.training.run_folder import RunFolder, RunState

FILES = [
    "checksums.json",
    "config.json",
    "further.safetensors",
    "metadata.json",
    "model.safetensors",
    "optimizer.safetensors",
    "random_state.safetensors",
    "tokenizer_config.json",
    "training_state.json",
    "vocab.txt",
]


class Model(keras.Model):
    """A backbone with a classification head and its dropout, as a recipe may have them."""

    def __init__(self, config, classes=3):
        super().__init__()
        self.backbone = Backbone(config, name="backbone")
        self.head_dropout = keras.layers.Dropout(0.5)
        self.head = keras.layers.Dense(classes, name="head")
        self.head.build((None, config.hidden_size))
        self.built = True
        optimizer = keras.optimizers.AdamW(1e-3, name="adam_w")
        optimizer.build(self.trainable_variables)
        self.compile(optimizer=optimizer)


@pytest.fixture(scope="module")
def config(tiny_config):
    return tiny_config.model_copy(update={"num_hidden_layers": 1})


@pytest.fixture(scope="module")
def model(config):
    return Model(config)


@pytest.fixture(scope="module")
def save(model, config, tiny_tokenizer):
    """Save the checkpoints of some losses, an epoch each, into a folder."""

    def saved(path, losses, keep=2) -> RunFolder:
        folder, state = RunFolder(path, keep), RunState({})
        for loss in losses:
            state.add_epoch({"loss": loss})
            preset = Preset(config, tiny_tokenizer, read_weights(model.backbone), {})
            folder.save(preset, model, state)
        return folder

    return saved


@pytest.fixture(scope="module")
def three(save, tmp_path_factory):
    """Three epochs, each better than the one before; the last two are kept."""
    return save(tmp_path_factory.mktemp("three") / "run", [3.0, 2.0, 1.0]).path


@pytest.fixture
def run(three, tmp_path):
    """A copy of ``three``, to be spoilt."""
    return shutil.copytree(three, tmp_path / "run", symlinks=True)


def epochs(path):
    return sorted(int(p.name[6:]) for p in path.glob("epoch-*"))


def best(path):
    return (path / "best").resolve().name


@pytest.mark.parametrize(
    ("values", "direction", "expected"),
    [
        ([3.0, 1.0, 2.0], "min", [1, 2, 2]),
        ([3.0, 1.0, 4.0], "max", [1, 1, 3]),
        ([2.0, 2.0], "max", [1, 1]),
        ([math.nan, 3.0, math.nan, 2.0], "min", [1, 2, 2, 4]),
        ([math.nan, 3.0, 4.0], "max", [1, 2, 3]),
    ],
)
def test_the_best_epoch_is_that_of_a_named_figure(values, direction, expected):
    state, found = RunState({}), []
    for value in values:
        state.add_epoch({"loss": 0.0, "spearman": value}, "spearman", direction)
        found.append(state.best_epoch)
    assert found == expected
    assert (state.best_metric, state.best_value) == ("spearman", values[expected[-1] - 1])


def test_without_a_name_the_held_out_loss_decides_and_else_the_loss():
    held_out, training = RunState({}), RunState({})
    for loss, val_loss in ((2.0, 1.0), (1.0, 2.0)):
        held_out.add_epoch({"loss": loss, "val_loss": val_loss})
        training.add_epoch({"loss": loss})
    assert (held_out.best_metric, held_out.best_epoch) == ("val_loss", 1)
    assert (training.best_metric, training.best_epoch) == ("loss", 2)


def test_a_figure_no_epoch_has_is_named_with_those_there_are():
    with pytest.raises(InputError, match=r"spearmann: .*loss, spearman"):
        RunState({}).add_epoch({"spearman": 0.5, "loss": 1.0}, "spearmann", "max")


@pytest.mark.parametrize(
    ("losses", "keep", "expected"),
    [
        ([5.0, 4.0, 3.0, 2.0], 2, [3, 4]),
        ([5.0, 4.0, 3.0, 2.0], 1, [4]),
        ([1.0, 4.0, 3.0, 2.0], 2, [1, 3, 4]),
        # Epoch 3 is the best, but should it turn out damaged, epoch 2 still has its best.
        ([1.0, 2.0, 0.5], 2, [1, 2, 3]),
    ],
)
def test_the_newest_are_kept_and_the_best(save, tmp_path, losses, keep, expected):
    folder = save(tmp_path / "run", losses, keep)
    assert epochs(folder.path) == expected
    assert best(folder.path) == f"epoch-{1 + int(np.argmin(losses)):04d}"
    assert (folder.path / "last").resolve().name == f"epoch-{len(losses):04d}"


def test_no_checkpoint_to_keep_is_refused(tmp_path):
    with pytest.raises(InputError, match="keep 0"):
        RunFolder(tmp_path, keep=0)


def test_a_checkpoint_has_these_files(three):
    assert sorted(path.name for path in (three / "last").iterdir()) == FILES


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_short_is_noticed_and_the_checkpoint_before_used(run, name):
    path = run / "epoch-0003" / name
    whole = path.read_bytes()
    for length in sorted({0, 1, len(whole) // 2, len(whole) - 1}):
        path.write_bytes(whole[:length])
        with pytest.warns(UserWarning, match=rf"epoch-0003 is damaged \({name} .*from epoch-0002") as seen:
            folder = RunFolder(run)
            assert folder.last == run / "epoch-0002"
            assert folder.read_state().epoch == 2
        assert len(seen) == 1, "said once, however often it is asked"
    path.unlink()
    with pytest.warns(UserWarning, match=f"{name} is missing"):
        assert RunFolder(run).last == run / "epoch-0002"


def test_a_byte_that_changed_is_noticed(run):
    path = run / "epoch-0003" / "optimizer.safetensors"
    content = bytearray(path.read_bytes())
    content[-7] ^= 1
    path.write_bytes(content)
    with pytest.warns(UserWarning, match=r"optimizer\.safetensors is not what was written"):
        assert RunFolder(run).last == run / "epoch-0002"


def test_a_damaged_checkpoint_stays_until_its_epoch_comes_again(run, save):
    (run / "epoch-0003" / "vocab.txt").unlink()
    with pytest.warns(UserWarning, match="damaged"):
        folder = RunFolder(run)
        state = folder.read_state()
    folder.set_links(state)
    assert epochs(run) == [2, 3]
    assert (run / "last").resolve().name == best(run) == "epoch-0002"


def test_all_damaged_is_an_error_that_names_each(run):
    for path in run.glob("epoch-*"):
        (path / "model.safetensors").write_bytes(b"")
    with pytest.raises(InputError, match=r"none .* whole \(epoch-0003: model\.saf.*; epoch-0002: model\.saf"):
        RunFolder(run).read_state()


def test_checkpoints_that_are_gone_are_no_new_run(run):
    for path in run.glob("epoch-*"):
        shutil.rmtree(path)
    with pytest.raises(InputError, match="its checkpoints are gone"):
        RunFolder(run).read_state()


def test_a_new_run_has_no_checkpoint(tmp_path):
    assert RunFolder(tmp_path / "new").last is None
    assert RunFolder(tmp_path / "new").read_state() is None


def test_where_the_best_is_damaged_the_best_of_the_others_takes_its_place(save, tmp_path):
    path = save(tmp_path / "run", [1.0, 3.0, 2.0]).path
    (path / "epoch-0001" / "model.safetensors").write_bytes(b"")
    folder = RunFolder(path)
    state = folder.read_state()
    with pytest.warns(UserWarning, match=r"epoch-0001, the best epoch, is damaged or gone.* epoch-0003"):
        folder.set_links(state)
    assert best(path) == "epoch-0003"


@pytest.mark.parametrize(("epochs", "keep", "count"), [(9, 2, 3), (2, 2, 2), (1, 5, 1), (9, 5, 6)], ids=str)
def test_a_disk_with_too_little_space_is_noticed_before_the_first_step(
    save, model, tmp_path, monkeypatch, epochs, keep, count
):
    whole = save(tmp_path / "sizes", [1.0]).path / "last"
    # Headers of the files are not counted: a good part of so small a network.
    size = sum(path.stat().st_size for path in whole.glob("*.safetensors"))
    folder = RunFolder(tmp_path / "run", keep)
    folder.check_writable()
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=count * size))
    folder.check_space(model, epochs)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=count * size * 7 // 10))
    with pytest.raises(InputError, match=rf"run: .* GB are free, but {count} more checkpoint"):
        folder.check_space(model, epochs)


def test_names_are_compared_as_numbers_and_other_folders_let_be(three, tmp_path):
    for name in ("epoch-9999", "epoch-10000", "epoch-10001.copy"):
        shutil.copytree(three / "epoch-0003", tmp_path / name)
    assert RunFolder(tmp_path).last == tmp_path / "epoch-10000"


def test_what_killed_runs_left_is_cleared_but_not_what_is_being_written(tmp_path):
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    left = [f".epoch-0002.{ended.pid}.partial", f".epoch-0001.{ended.pid}.old"]
    others = [f".epoch-0003.{os.getppid()}.partial", ".epoch-0001.notes", "mine"]
    for name in left + others:
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    (tmp_path / f".last.{ended.pid}.partial").symlink_to("epoch-0002")
    RunFolder(tmp_path).check_writable()
    assert {path.name for path in tmp_path.iterdir()} == set(others)


def test_everything_comes_back_into_another_model(three, model, config):
    other = Model(config)
    for variable in [*other.optimizer.variables, *other.head.weights]:
        variable.assign(variable + 1)
    # The numbers Keras gave its layers differ: it is the second of this process.
    assert other.head_dropout.seed_generator.name != model.head_dropout.seed_generator.name
    RunFolder(three).restore(other)
    for kind in ("optimizer", "head", "head_dropout"):
        for one, back in zip(getattr(model, kind).variables, getattr(other, kind).variables, strict=True):
            np.testing.assert_array_equal(keras.ops.convert_to_numpy(one), keras.ops.convert_to_numpy(back))
    ones = np.ones((8, 32), "float32")
    drawn = [keras.ops.convert_to_numpy(m.head_dropout(ones, training=True)) for m in (model, other)]
    np.testing.assert_array_equal(*drawn)


@pytest.mark.parametrize(
    ("change", "classes", "named"),
    [
        ({}, 5, r"optimizer\.safetensors: optimiser value \S*head_kernel\S* has shape \[32, 3\].* \[32, 5\]"),
        ({"num_hidden_layers": 2}, 3, r"optimizer\.safetensors: optimiser value \S*block_1\S* .*is missing"),
        (
            {"hidden_dropout_prob": 0.0},
            3,
            r"random_state\.safetensors: unexpected random state seed_generator_002 \(2 in all\)",
        ),
    ],
)
def test_a_checkpoint_of_another_architecture_is_refused(three, config, change, classes, named):
    other = Model(config.model_copy(update=change), classes)
    with pytest.raises(InputError, match=named):
        RunFolder(three).restore(other)


def test_a_whole_run_is_read_without_a_word(run):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert RunFolder(run).read_state().best_value == 1.0
