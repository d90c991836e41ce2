"""A run that was killed, at any moment, ends bit for bit with the weights of one that never stopped.

``ROFORMER_SIM_KILLS=10`` kills it so often, otherwise once; ``ROFORMER_SIM_KILL_SEED`` repeats the moments.
Backend and number of threads are those of the environment.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from roformer_sim.training.recipe import Recipe
from roformer_sim.training.run_folder import RunFolder
from roformer_sim.training.trainer import train

KILLS = int(os.environ.get("ROFORMER_SIM_KILLS", "1"))
EPOCHS = 5 * KILLS
FLOAT_FILES = (
    "model.safetensors",
    "optimizer.safetensors",
    "further.safetensors",
    "random_state.safetensors",
)


@pytest.fixture(scope="module")
def recipe(tiny_recipe) -> Recipe:
    """Many short epochs, with dropout wherever the network has it."""
    values = tiny_recipe(epochs=EPOCHS).model_dump()
    values["data"]["held_out"] = 0
    values["start"]["config"] |= {"hidden_dropout_prob": 0.2, "attention_probs_dropout_prob": 0.1}
    return Recipe(**values)


@pytest.fixture(scope="module")
def uninterrupted(no_curves, recipe, tmp_path_factory) -> Path:
    """Output of the run that never stopped."""
    output = tmp_path_factory.mktemp("uninterrupted") / "run"
    train(recipe, output)
    return output


@pytest.fixture
def recipe_file(recipe, tmp_path) -> Path:
    """The recipe as a user's file."""
    path = tmp_path / "recipe.toml"
    path.write_text("\n".join(toml_lines(recipe.model_dump(exclude_none=True))), encoding="utf-8")
    return path


def toml_lines(values, name=""):
    """Tables after the values of the table they stand in."""
    tables = {key: value for key, value in values.items() if isinstance(value, dict)}
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items() if key not in tables]
    for key, table in tables.items():
        lines += [f"[{name}{key}]", *toml_lines(table, f"{name}{key}.")]
    return lines


def assert_same_end(one: Path, other: Path) -> None:
    """Same weights, moments, step count and random state, bit for bit; same figures of every epoch."""
    for name in FLOAT_FILES:
        ours, theirs = load_file(one / "last" / name), load_file(other / "last" / name)
        assert ours.keys() == theirs.keys()
        for key in ours:
            np.testing.assert_array_equal(ours[key], theirs[key], err_msg=f"{name}: {key}")
    ours, theirs = RunFolder(one).read_state(), RunFolder(other).read_state()
    assert ours.history == theirs.history
    assert (ours.best_epoch, ours.best_value) == (theirs.best_epoch, theirs.best_value)


class Command:
    """``roformer-sim train`` in a process of its own."""

    def __init__(self, recipe: Path, output: Path) -> None:
        self.output, self.log = output, recipe.with_name("log.txt")
        program = [sys.executable, "-m", "roformer_sim.cli", "train", str(recipe), "--output", str(output)]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(program, stdout=log, stderr=subprocess.STDOUT, env=environment)

    def kill_after(self, checkpoints: int, seconds: float) -> None:
        """``kill -9`` so many seconds after it has written so many checkpoints."""
        first = self._newest()
        while self._newest() < first + checkpoints:
            assert self.process.poll() is None, f"ended by itself: {self.log.read_text()[-2000:]}"
            time.sleep(0.002)
        time.sleep(seconds)
        self.process.send_signal(signal.SIGKILL)
        assert self.process.wait() == -signal.SIGKILL

    def finish(self) -> str:
        assert self.process.wait() == 0, self.log.read_text()[-2000:]
        return self.log.read_text()

    def _newest(self) -> int:
        return max((int(path.name[6:]) for path in self.output.glob("epoch-*")), default=0)


def test_killed_at_random_moments_and_resumed_it_ends_as_if_never_stopped(
    uninterrupted, recipe_file, tmp_path
):
    # Not the global generator: the training above has set it.
    seed = int(os.environ.get("ROFORMER_SIM_KILL_SEED", random.SystemRandom().randrange(10**6)))
    print(f"ROFORMER_SIM_KILL_SEED={seed}")
    draw, output = random.Random(seed), tmp_path / "run"
    for _ in range(KILLS):
        checkpoints, seconds = draw.randint(1, 2), draw.uniform(0.0, 0.4)
        Command(recipe_file, output).kill_after(checkpoints, seconds)
        left = sorted(path.name for path in output.iterdir())
        print(f"killed {seconds:.3f} s after {RunFolder(output).last.name}; there are {left}")
    Command(recipe_file, output).finish()
    assert_same_end(output, uninterrupted)
    assert not [path for path in output.iterdir() if path.name.startswith(".")]


def test_with_its_newest_checkpoint_cut_short_it_still_ends_as_if_never_stopped(
    uninterrupted, recipe, tmp_path
):
    output = shutil.copytree(uninterrupted, tmp_path / "run", symlinks=True)
    path = output / f"epoch-{EPOCHS:04d}" / "optimizer.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.warns(UserWarning, match=rf"epoch-{EPOCHS:04d} is damaged \(optimizer.* passed over"):
        train(recipe, output)
    assert_same_end(output, uninterrupted)
