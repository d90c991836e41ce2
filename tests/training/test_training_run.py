"""A real run of a tiny network: losses fall, the folder is always usable, a resume changes nothing."""

from __future__ import annotations

import contextlib
import math
import resource
import shutil

import numpy as np
import pytest

from roformer_sim import InputError, RoFormerSim
from roformer_sim.checkpoints import load_preset
from roformer_sim.checkpoints.checksums import write_checksums
from roformer_sim.models import Backbone
from roformer_sim.training.callbacks import Checkpoint
from roformer_sim.training.compiling import compile_model
from roformer_sim.training.recipe import StartSection
from roformer_sim.training.run_folder import RunFolder, RunState
from roformer_sim.training.trainer import train

pytestmark = pytest.mark.usefixtures("no_curves")
WATCHED = {"metrics.csv"}


@pytest.fixture(scope="module")
def finished(no_curves, tiny_recipe, tmp_path_factory):
    """Output of a run of three epochs, uninterrupted."""
    output = tmp_path_factory.mktemp("finished") / "run"
    assert train(tiny_recipe(), output) == output / "best"
    return output


@pytest.fixture
def copy(finished, tmp_path):
    """The finished run, to be spoilt."""
    return shutil.copytree(finished, tmp_path / "copy", symlinks=True)


@contextlib.contextmanager
def full_disk(at_bytes=4096):
    """No file can grow beyond ``at_bytes``, as on a disk that fills up."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (at_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def assert_same_weights(one, other, atol=0.0):
    ours, theirs = load_preset(one).weights, load_preset(other).weights
    assert ours.keys() == theirs.keys()
    for name in ours:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=0.0, atol=atol, err_msg=name)


def test_both_losses_fall(finished):
    history = RunFolder(finished).read_state().history
    assert len(history) == 3
    for name in ("loss", "generation_loss", "similarity_loss"):
        assert min(entry[name] for entry in history[1:]) < history[0][name]
    # A network that knows nothing: log of 108 tokens.
    assert history[0]["generation_loss"] < math.log(108) + 0.5
    assert history[2]["token_accuracy"] > history[0]["token_accuracy"]


def test_validation_losses_are_those_of_the_parts(finished):
    for entry in RunFolder(finished).read_state().history:
        parts = entry["val_generation_loss"] + entry["val_similarity_loss"]
        assert entry["val_loss"] == pytest.approx(parts, rel=1e-4)


def test_held_out_pairs_that_fill_no_batch_are_refused(tiny_recipe, tmp_path):
    # 4 questions and 4 general pairs make 16 rows; choosing the best epoch needs a whole batch of them.
    with pytest.raises(InputError, match=r"data.held_out 4: .* one batch of 32 rows"):
        train(tiny_recipe(batch_rows=32), tmp_path / "run")
    assert RunFolder(tmp_path / "run").last is None


def test_the_folder_holds_the_last_and_the_best_epoch(finished):
    state = RunFolder(finished).read_state()
    losses = [entry["val_loss"] for entry in state.history]
    assert state.best_epoch == 1 + int(np.argmin(losses))
    names = {path.name for path in finished.iterdir()} - WATCHED
    # The two newest are kept.
    assert names == {"last", "best", "epoch-0002", "epoch-0003", f"epoch-{state.best_epoch:04d}"}
    assert (finished / "last").resolve().name == "epoch-0003"
    assert (finished / "best").resolve().name == f"epoch-{state.best_epoch:04d}"


def test_the_result_is_a_preset_that_says_how_it_was_made(finished, tiny_recipe):
    model = RoFormerSim.from_preset(finished / "best")
    assert model.encode("怎么借钱").shape == (32,)
    assert model.metadata["recipe"]["train"] == tiny_recipe().train.model_dump()
    # File names without the folders of whoever trained it.
    assert model.metadata["recipe"]["data"]["groups"] == ["groups.jsonl"]
    assert model.metadata["training_sets"] == [6, 4]
    assert model.metadata["epochs_done"] == RunFolder(finished).read_state().best_epoch


def test_a_run_may_stop_before_its_schedule_ends_and_be_resumed_to_the_end(finished, tiny_recipe, tmp_path):
    train(tiny_recipe(stop_after=2), tmp_path / "run")
    assert RunFolder(tmp_path / "run").read_state().epoch == 2
    train(tiny_recipe(), tmp_path / "run")
    assert_same_weights(tmp_path / "run" / "last", finished / "last")


def test_a_run_may_go_on_from_a_preset_with_another_vector(finished, tiny_recipe, tmp_path):
    recipe = tiny_recipe(epochs=1, objectives={"generation": {}, "in_batch": {"general": 0.0}})
    start = StartSection(preset=str(finished / "best"), pooling="P4")
    recipe = recipe.model_copy(update={"start": start})
    best = train(recipe, tmp_path / "run")
    before, after = RoFormerSim.from_preset(finished / "best"), RoFormerSim.from_preset(best)
    assert (before.config.pooling, after.config.pooling) == ("P2", "P4")
    assert after.metadata["started_from"] == before.metadata
    # And it says so when it was stopped and resumed.
    longer = recipe.model_copy(update={"train": recipe.train.model_copy(update={"epochs": 2})})
    assert (
        RoFormerSim.from_preset(train(longer, tmp_path / "run")).metadata["started_from"] == before.metadata
    )


def test_a_finished_run_is_left_alone(finished, tiny_recipe):
    before = (finished / "last" / "model.safetensors").stat().st_mtime_ns
    assert train(tiny_recipe(), finished) == finished / "best"
    assert (finished / "last" / "model.safetensors").stat().st_mtime_ns == before


def test_interrupted_and_resumed_equals_uninterrupted(finished, tiny_recipe, tmp_path, monkeypatch):
    output, seen = tmp_path / "run", []

    def ctrl_c_in_the_second_epoch(self, batch, logs=None):
        seen.append(batch)
        if len(seen) == 8 + 5:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Checkpoint, "on_train_batch_end", ctrl_c_in_the_second_epoch)
        train(tiny_recipe(), output)
    # The first epoch is whole and of the second nothing is left behind.
    assert {path.name for path in output.iterdir()} - WATCHED == {"epoch-0001", "last", "best"}
    assert RoFormerSim.from_preset(output / "last").encode("怎么借钱").shape == (32,)

    train(tiny_recipe(), output)
    ours, theirs = RunFolder(output).read_state(), RunFolder(finished).read_state()
    assert ours.epoch == 3
    for resumed, whole in zip(ours.history, theirs.history, strict=True):
        assert resumed == pytest.approx(whole, rel=1e-4)
    assert_same_weights(output / "last", finished / "last")


@pytest.mark.parametrize(
    ("change", "named"),
    [({"learning_rate": 1e-4}, "train.learning_rate"), ({"batch_rows": 12}, "train.batch_rows")],
)
def test_another_recipe_does_not_continue_the_run(finished, tiny_recipe, change, named):
    with pytest.raises(InputError, match=named):
        train(tiny_recipe(**change), finished)


def test_a_full_disk_leaves_the_last_checkpoint(copy, tiny_recipe):
    folder = RunFolder(copy)
    preset, state = load_preset(folder.last), folder.read_state()
    model = compile_model(Backbone(preset.config), tiny_recipe())
    state.epoch, before = 4, {path.name for path in copy.iterdir()}
    with full_disk(), pytest.raises(InputError, match=r"epoch-0004: cannot be written"):
        folder.save(preset, model, state)
    assert {path.name for path in copy.iterdir()} == before
    assert folder.read_state().epoch == 3
    assert_same_weights(copy / "last", folder.last)


def test_links_lost_with_a_killed_run_are_set_again(copy, tiny_recipe):
    best = (copy / "best").resolve().name
    (copy / "best").unlink()
    (copy / "last").unlink()
    train(tiny_recipe(), copy)
    assert (copy / "best").resolve() == copy / best
    assert (copy / "last").resolve() == copy / "epoch-0003"


def test_an_unwritable_output_is_refused_before_anything_is_computed(tiny_recipe, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    capsys.readouterr()
    for output in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(InputError, match=r"file.*cannot be written"):
            train(tiny_recipe(), output)
    assert "Epoch" not in capsys.readouterr().out


def test_start_needs_a_preset_or_a_vocabulary_with_a_configuration(tiny_recipe, tmp_path):
    recipe = tiny_recipe()
    half = recipe.model_copy(update={"start": recipe.start.model_copy(update={"config": None})})
    both = recipe.model_copy(update={"start": recipe.start.model_copy(update={"preset": "a"})})
    for wrong in (half, both):
        with pytest.raises(InputError, match="either preset, or vocab and config"):
            train(wrong, tmp_path / "run")


def test_rows_longer_than_a_berts_positions_are_refused(tiny_recipe, tmp_path):
    recipe = tiny_recipe()
    config = {**recipe.start.config, "model_type": "bert", "max_position_embeddings": 31}
    recipe = recipe.model_copy(update={"start": recipe.start.model_copy(update={"config": config})})
    with pytest.raises(InputError, match=r"data\.maxlen 16: .*32 tokens.*31 positions"):
        train(recipe, tmp_path / "run")


def test_training_goes_on_from_a_preset(tiny_preset, tiny_recipe, tmp_path):
    recipe = tiny_recipe(epochs=1, steps_per_epoch=2, learning_rate=1e-9)
    start = {"preset": str(tiny_preset), "dropout": 0.0}
    recipe = recipe.model_validate({**recipe.model_dump(), "start": start})
    best = train(recipe, tmp_path / "run")
    assert_same_weights(best, tiny_preset, atol=1e-6)


def test_an_epoch_without_a_number_for_a_loss_is_never_the_best(copy, tiny_recipe):
    preset, recipe = load_preset(copy / "last"), tiny_recipe()
    model = compile_model(Backbone(preset.config, name="backbone"), recipe)
    state = RunState(recipe.model_dump())
    checkpoint = Checkpoint(RunFolder(copy.parent / "new"), state, lambda: preset)
    checkpoint.set_model(model)
    best = []
    for epoch, loss in enumerate([math.nan, 3.0, math.nan, 2.0]):
        checkpoint.on_epoch_end(epoch, {"loss": 9.0, "val_loss": loss})
        best.append(state.best_epoch)
    assert best == [1, 2, 2, 4]


def test_a_run_of_another_version_is_refused(copy, tiny_recipe):
    path = copy / "epoch-0003" / "training_state.json"
    path.write_text(path.read_text("utf-8").replace('"warmup_steps"', '"warm_up"'), encoding="utf-8")
    write_checksums(path.parent)
    with pytest.raises(InputError, match=r"train\.warm_up"):
        train(tiny_recipe(), copy)


def test_other_files_of_the_same_names_do_not_continue_the_run(copy, tiny_recipe, corpus):
    groups = corpus / "groups.jsonl"
    before = groups.read_text("utf-8")
    groups.write_text(before + '{"text": "天气好吗", "synonyms": ["今天天气好吗"]}\n', encoding="utf-8")
    try:
        with pytest.raises(InputError, match="begun with other sentences"):
            train(tiny_recipe(epochs=4), copy)
    finally:
        groups.write_text(before, encoding="utf-8")


def test_a_falling_rate_is_not_stretched_by_more_epochs(copy, tiny_recipe):
    with pytest.raises(InputError, match=r"train\.(schedule|epochs)"):
        train(tiny_recipe(epochs=4, schedule="linear"), copy)


def test_a_run_killed_before_its_cards_gets_them_when_called_again(copy, tiny_recipe):
    for place in ("best", "last"):
        (copy / place / "README.md").unlink(missing_ok=True)
    train(tiny_recipe(), copy)
    assert all("trained" in (copy / place / "README.md").read_text("utf-8") for place in ("best", "last"))


def test_without_terms_on_tokens_the_head_stays_as_it_is(tiny_model, tiny_recipe):
    def trained(**objectives):
        model = compile_model(tiny_model.backbone, tiny_recipe(objectives=objectives))
        return {weight.path.split("/", 1)[1] for weight in model.trainable_weights}

    head = {"lm_bias", "lm_transform/kernel", "lm_transform/bias", "lm_norm/gamma", "lm_norm/beta"}
    assert not head & trained(in_batch={})
    assert head <= trained(generation={})
