"""Real runs of the tiny network through ``fit`` with everything that watches: one compiled model for all."""

from __future__ import annotations

import io
import itertools
import math
import re
import sys
import time

import keras
import numpy as np
import pytest
from keras import ops

from roformer_sim.checkpoints import Preset, read_weights
from roformer_sim.evaluation.sts_probe import StsProbe
from roformer_sim.models import Backbone
from roformer_sim.training.arrays import Assembler, BatchTask
from roformer_sim.training.callbacks import Checkpoint
from roformer_sim.training.compiling import compile_model
from roformer_sim.training.pairs import SentencePair
from roformer_sim.training.rows import RowMaker
from roformer_sim.training.run_folder import RunFolder, RunState
from roformer_sim.training.start import new_or_preset
from roformer_sim.training.watching.assemble import watch
from roformer_sim.training.watching.diverged import TrainingDiverged
from roformer_sim.training.watching.metrics_file import read_metrics
from roformer_sim.training.watching.model_card import training_facts
from roformer_sim.training.watching.progress import Progress
from roformer_sim.training.watching.sts_watch import StsWatch
from roformer_sim.training.watching.tokens import TokenCounts

STEPS, EVERY = 8, 3
PAIRS = [
    SentencePair("怎么借钱", "如何能借钱"),
    SentencePair("今天下雨吗", "今天有雨吗"),
    SentencePair("苹果手机多少钱", "手机便宜吗"),
    SentencePair("去公园怎么走", "如何去公园"),
]
STS = [
    "text_a\ttext_b\tlabel",
    "怎么借钱\t如何借钱\t1",
    "北京天气\t下雨\t0",
    "买书\t学习\t0",
    "花呗\t开通花呗\t1",
]


class Batches(keras.utils.PyDataset):
    """The same batches each epoch; ``broken`` is one whose generation loss is NaN."""

    def __init__(self, batches, counts, broken=None):
        super().__init__()
        self.batches, self.counts, self.broken, self.epoch = batches, counts, broken, 0

    def __len__(self):
        return STEPS

    def __getitem__(self, index):
        batch = self.batches[index]
        self.counts.record(self.epoch * STEPS + index, batch)
        if index == self.broken:
            batch = {**batch, "weights": np.full_like(batch["weights"], np.nan)}
        return (batch,)


class Tape(keras.callbacks.Callback):
    """Each step's own losses, read from the trackers, as a record to compare with."""

    def __init__(self):
        super().__init__()
        self.values, self._before = [], {}

    def on_epoch_begin(self, epoch, logs=None):
        self._before = {}

    def on_train_batch_end(self, batch, logs=None):
        now = {name: logs[name] * (batch + 1) for name in ("loss", "generation_loss")}
        self.values.append({name: now[name] - self._before.get(name, 0.0) for name in now})
        self._before = now


class Setup:
    """A compiled model, its batches, and ``run`` which trains it with everything that watches."""

    def __init__(self, recipe, tokenizer, sts_file):
        keras.utils.set_random_seed(0)
        self.recipe, self.tokenizer = recipe, tokenizer
        self.model = compile_model(Backbone(new_or_preset(recipe.start).config, name="backbone"), recipe)
        self.variables = [*self.model.variables, *self.model.optimizer.variables]
        self.start = [np.array(variable) for variable in self.variables]
        batch = Assembler(RowMaker(tokenizer, maxlen=16, noise=0.0))(BatchTask(PAIRS, (0,)))
        self.batches = [batch] * STEPS
        self.tokens = sum(int((self.batches[0]["token_ids"] != tokenizer.pad_id).sum()) for _ in range(STEPS))
        self.schedule = self.model.optimizer._learning_rate
        self.probe = StsProbe([sts_file])

    def reset(self):
        for variable, value in zip(self.variables, self.start, strict=True):
            variable.assign(value)

    def rate(self, step):
        return float(self.schedule(step))

    def run(self, folder, epochs, *, first=0, broken=None, extra=(), sts_every=None, curves=False):
        run_folder = RunFolder(folder)
        state = run_folder.read_state() or RunState({})
        counts = TokenCounts(self.tokenizer.pad_id)
        watching = watch(
            folder,
            learning_rate=self.rate,
            presets=lambda: [folder / "best", folder / "last"],
            last_good=lambda: run_folder.last,
            tokens_of=counts,
            measure=lambda model: self.probe(model.backbone, self.tokenizer),
            every=EVERY,
            sts_every=sts_every,
            curves=curves,
            resume_step=first * STEPS,
        )

        def preset():
            facts = training_facts(
                watching.metrics.rows, step=state.epoch * STEPS, batch_rows=8, machine={}, chosen_by="loss"
            )
            backbone = self.model.backbone
            return Preset(backbone.config, self.tokenizer, read_weights(backbone), facts)

        batches = Batches(self.batches, counts, broken)
        epoch = keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda number, _: setattr(batches, "epoch", number)
        )
        callbacks = [epoch, *watching.before, *extra, *watching.between]
        callbacks += [Checkpoint(run_folder, state, preset), *watching.after]
        self.model.fit(batches, initial_epoch=first, epochs=epochs, callbacks=callbacks, shuffle=False)
        return watching


@pytest.fixture(scope="module")
def setup(tiny_recipe, tiny_tokenizer, tmp_path_factory):
    path = tmp_path_factory.mktemp("sts") / "ATEC" / "valid.tsv"
    path.parent.mkdir()
    path.write_text("\n".join(STS) + "\n", encoding="utf-8")
    return Setup(tiny_recipe(), tiny_tokenizer, path)


@pytest.fixture(scope="module")
def finished(setup, tmp_path_factory):
    """A run of three epochs, the record of its losses, and what it printed."""
    folder, tape, stream = tmp_path_factory.mktemp("run") / "run", Tape(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        setup.run(folder, 3, extra=[tape], sts_every=5, curves=True)
    return folder, tape.values, stream.getvalue()


def test_rows_are_the_exact_means_of_their_steps(setup, finished):
    folder, steps, _ = finished
    rows = [row for row in read_metrics(folder / "metrics.csv") if "loss" in row]
    # Each third step and the ends of epochs.
    assert [row["step"] for row in rows] == [3, 6, 8, 9, 12, 15, 16, 18, 21, 24]
    for before, row in itertools.pairwise([{"step": 0}, *rows]):
        part = steps[int(before["step"]) : int(row["step"])]
        for name in ("loss", "generation_loss"):
            assert row[name] == pytest.approx(np.mean([step[name] for step in part]), rel=1e-4)
        assert row["epoch"] == math.ceil(row["step"] / STEPS)
        assert row["learning_rate"] == pytest.approx(setup.rate(int(row["step"]) - 1))
        assert row["tokens"] == setup.tokens // STEPS * row["step"]
        assert row["tokens_per_second"] > 0
    seconds = [row["seconds"] for row in rows]
    assert seconds == sorted(seconds)


def test_sts_stands_before_training_at_its_steps_and_at_each_epochs_end(finished):
    rows = read_metrics(finished[0] / "metrics.csv")
    measured = [row["step"] for row in rows if "sts_ATEC" in row]
    assert measured == [0, 5, 8, 10, 15, 16, 20, 24]
    assert all({"sts_mean", "alignment", "uniformity"} <= row.keys() for row in rows if "sts_ATEC" in row)


def test_figures_of_the_epochs_end_are_those_of_the_saved_network(setup, finished):
    history = RunFolder(finished[0]).read_state().history
    rows = {row["step"]: row for row in read_metrics(finished[0] / "metrics.csv")}
    for epoch, entry in enumerate(history, 1):
        assert entry["sts_ATEC"] == pytest.approx(rows[epoch * STEPS]["sts_ATEC"])
        assert entry["uniformity"] == pytest.approx(rows[epoch * STEPS]["uniformity"], rel=1e-5)


def test_in_a_log_file_progress_is_plain_lines_with_every_term(finished):
    printed = finished[2]
    assert not re.search(r"[\b\r\x1b]", printed)
    lines = [line for line in printed.splitlines() if line.startswith("epoch")]
    assert [line.split(" - ")[0] for line in lines if "step 8/8" in line] == [
        f"epoch {epoch}/3 step 8/8" for epoch in (1, 2, 3)
    ]
    for name in (
        "loss",
        "generation_loss",
        "similarity_loss",
        "token_accuracy",
        "sts_ATEC",
        "lr",
        "tokens/s",
    ):
        assert f" - {name}: " in lines[-1]
    assert re.search(r"elapsed: \d+:\d\d - run left: 0:00$", lines[-1])


def test_the_presets_have_a_card_and_their_run_curves(finished):
    folder = finished[0]
    assert (folder / "curves.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    for link in ("best", "last"):
        card = (folder / link / "README.md").read_text(encoding="utf-8")
        assert "RoFormer, 1 layers x 32" in card and "(curves.png)" in card
        assert (folder / link / "curves.png").is_file()
    assert "| 24 steps, 192 rows" in card and "`sts_ATEC`" in card


def test_a_resumed_run_goes_on_where_its_checkpoint_stands(setup, tmp_path):
    setup.reset()
    setup.run(tmp_path, 2)
    before = read_metrics(tmp_path / "metrics.csv")
    with (tmp_path / "metrics.csv").open("a") as file:
        file.write("19,3,1,2,3,4\n20,")  # beyond the checkpoint; killed while writing
    lines = (tmp_path / "metrics.csv").read_text().splitlines()
    lines[-2] += "," * (lines[0].count(",") - lines[-2].count(","))
    (tmp_path / "metrics.csv").write_text("\n".join(lines))
    setup.run(tmp_path, 3, first=2)
    after = read_metrics(tmp_path / "metrics.csv")
    assert after[: len(before)] == before
    steps = [row["step"] for row in after]
    assert steps == sorted(set(steps)) and steps[-4:] == [16, 18, 21, 24]
    assert after[len(before)]["seconds"] > before[-1]["seconds"]
    assert after[-1]["tokens"] == 3 * setup.tokens


def test_nan_stops_the_run_and_leaves_the_last_good_checkpoint(setup, tmp_path):
    setup.reset()
    setup.run(tmp_path, 1)
    good = (tmp_path / "last" / "model.safetensors").read_bytes()
    with pytest.raises(TrainingDiverged) as caught:
        setup.run(tmp_path, 3, first=1, broken=4)
    message = str(caught.value)
    assert "stopped at step 13 (epoch 2, learning rate 0.005): generation_loss is nan" in message
    assert "similarity_loss is nan" not in message.partition(";")[0].partition("generation_loss")[0]
    assert f"last good checkpoint is {tmp_path / 'epoch-0001'}" in message
    assert "train.learning_rate" in message and "\n" not in message
    assert [path.name for path in tmp_path.glob("epoch-*")] == ["epoch-0001"]
    assert (tmp_path / "last" / "model.safetensors").read_bytes() == good


def test_weights_that_are_nan_are_not_saved_though_every_loss_was_finite(setup, tmp_path):
    setup.reset()

    class LastUpdate(keras.callbacks.Callback):
        """What a gradient that is no number does in the last step of an epoch."""

        def on_train_batch_end(self, batch, logs=None):
            if batch == STEPS - 1:
                weight = self.model.backbone.pooler.kernel
                weight.assign(weight.value * np.nan)

    with pytest.raises(
        TrainingDiverged, match=r"step 8 .*1 weights, first .*kernel.*no checkpoint was complete"
    ):
        setup.run(tmp_path, 2, extra=[LastUpdate()])
    assert not list(tmp_path.glob("epoch-*"))


class Terminal(io.StringIO):
    """What Keras takes for a terminal."""

    def isatty(self):
        return True


def drawn(setup, monkeypatch, columns):
    """Lines as they stand on the terminal after each redraw of an epoch."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("COLUMNS", str(columns))
    counts = TokenCounts(setup.tokenizer.pad_id)
    setup.reset()
    batches = Batches(setup.batches, counts)
    # The bar is drawn at most each tenth of a second.
    slow = keras.callbacks.LambdaCallback(on_train_batch_begin=lambda batch, logs: time.sleep(0.11))
    setup.model.fit(batches, epochs=1, callbacks=[Progress(setup.rate, counts), slow], shuffle=False)
    text = re.sub(r"\x1b\[[0-9;]*[mK]", "", stream.getvalue())
    return [line.strip("\b") for line in re.split(r"[\r\n]", text) if "/8" in line]


def test_on_a_wide_terminal_the_bar_has_every_term_speed_and_the_time_left(setup, monkeypatch):
    lines = drawn(setup, monkeypatch, 240)
    assert len(lines) > 4
    for name in ("loss", "generation_loss", "similarity_loss", "tokens/s", "run left", "lr", "elapsed"):
        assert f" - {name}: " in lines[-2]
    assert re.search(r"tokens/s: [\d,]+ ", lines[-2]) and re.search(r"run left: 0:0\d", lines[-2])


@pytest.mark.parametrize("columns", [80, 100, 130])
def test_on_a_narrow_terminal_the_bar_keeps_to_one_line(setup, monkeypatch, columns):
    lines = drawn(setup, monkeypatch, columns)
    assert max(len(line) for line in lines[:-1]) < columns
    assert " - loss: " in lines[-2] and " - run left: " in lines[-2]
    # All of them when the epoch ends.
    assert " - similarity_loss: " in lines[-1] and " - token_accuracy: " in lines[-1]


def test_any_function_of_the_model_may_be_watched(setup, tmp_path):
    seen = []

    def norm(model):
        seen.append(float(ops.sum(ops.square(model.backbone.pooler.kernel))))
        return {"sts_mine": seen[-1]}

    watching = StsWatch(norm, every=4)
    setup.reset()
    history = setup.model.fit(
        Batches(setup.batches, TokenCounts(0)), epochs=2, callbacks=[watching], verbose=0, shuffle=False
    )
    # Before the first step, each fourth, and at both ends; the ends are in the history.
    assert len(seen) == 1 + 1 + 1 + 1 + 1
    assert history.history["sts_mine"] == [seen[2], seen[4]]
