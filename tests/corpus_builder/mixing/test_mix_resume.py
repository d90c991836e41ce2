"""Killed at any point and started again, a mix is that of a run never stopped; memory stays bounded."""

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

import pytest

from corpus_builder.mixing import Mixing, mix

ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
Inputs = tuple[Path, Path]


def make_inputs(folder: Path, rows: int) -> Inputs:
    rng = random.Random(0)
    characters = "今天昨天觉得真的非常有点不错便宜舒服难看合适热闹安静喜欢推荐修理打算需要听说附近"
    paths = folder / "questions.jsonl", folder / "general.jsonl"
    for path in paths:
        with path.open("w", encoding="utf-8") as out:
            for i in range(rows):
                a, b, c = ("".join(rng.choices(characters, k=25)) for _ in range(3))
                row = {"text": a, "synonyms": [b, c]} if path is paths[0] else {"text_a": a, "text_b": b}
                out.write(json.dumps(row | {"origin": str(i)}, ensure_ascii=False) + "\n")
    return paths


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    return make_inputs(tmp_path_factory.mktemp("inputs"), 40_000)


def start(inputs: Inputs, output: Path, *more: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "corpus_builder.cli", "mix"]
    sides = ["--questions", str(inputs[0]), "--general", str(inputs[1]), "-o", str(output)]
    options = ["--memory", "16", "--rows-per-shard", "15000", "--ratio", "0.5", "--seed", "3", *more]
    return subprocess.Popen(
        [*command, *sides, *options], env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def finish(process: subprocess.Popen[bytes]) -> None:
    _, complaint = process.communicate()
    assert process.returncode == 0, complaint.decode()


def kill(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of an output, hidden ones too."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def whole(inputs: Inputs, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], float]:
    """The output of a run that nobody stopped, and how long it took."""
    output = tmp_path_factory.mktemp("whole") / "out"
    began = time.monotonic()
    finish(start(inputs, output))
    assert len(contents(output)) == 5
    return contents(output), time.monotonic() - began


MOMENTS = {
    "while the first input is read": ".out.unfinished/000000.rows",
    "when one input is read": ".out.unfinished/000000.json",
    "when both are": ".out.unfinished/000001.json",
    "while runs are written": ".out.unfinished/runs/00000001.run",
    "when the runs are complete": ".out.unfinished/runs/complete.json",
    "while the first shard is written": "out/.*/00000.jsonl.zst",
    "while the last shard is written": "out/.*/00003.jsonl.zst",
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_kill_9_at_a_known_moment(
    inputs: Inputs, whole: tuple[dict[str, bytes], float], tmp_path: Path, moment: str
) -> None:
    process = start(inputs, tmp_path / "out")
    while not any(tmp_path.glob(MOMENTS[moment])):
        assert process.poll() is None, "the run was over before the moment came"
    kill(process)
    assert not any((tmp_path / "out").glob("mix-*"))
    finish(start(inputs, tmp_path / "out"))
    assert contents(tmp_path / "out") == whole[0]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_kill_9_again_and_again(
    inputs: Inputs, whole: tuple[dict[str, bytes], float], tmp_path: Path
) -> None:
    rng, kills = random.Random(1), 0
    for _ in range(10):
        process = start(inputs, tmp_path / "out")
        try:
            process.wait(timeout=rng.uniform(0.2, 0.7) * whole[1])
            break  # it was done before it could be killed
        except subprocess.TimeoutExpired:
            kill(process)
            kills += 1
    assert kills >= 1
    finish(start(inputs, tmp_path / "out"))
    assert contents(tmp_path / "out") == whole[0]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_after_a_kill_another_seed_and_another_input_are_minded(inputs: Inputs, tmp_path: Path) -> None:
    changed = (inputs[0], tmp_path / "general.jsonl")
    changed[1].write_bytes(inputs[1].read_bytes())
    process = start(changed, tmp_path / "out")
    while not (tmp_path / ".out.unfinished/runs/complete.json").exists():
        assert process.poll() is None
    kill(process)
    with changed[1].open("a", encoding="utf-8") as out:
        out.write('{"text_a": "多了一行。", "text_b": "又多了一行。"}\n')
    finish(start(changed, tmp_path / "out", "--seed", "4"))
    mix([changed[0]], [changed[1]], tmp_path / "fresh", Mixing(0.5, seed=4), rows_per_shard=15_000)
    assert contents(tmp_path / "out") == contents(tmp_path / "fresh")


def test_ctrl_c_keeps_what_is_finished_and_the_next_run_ends_it(
    inputs: Inputs, whole: tuple[dict[str, bytes], float], tmp_path: Path
) -> None:
    for _ in range(5):  # a busy machine may let it end between our look and the signal
        process = start(inputs, tmp_path / "out")
        while not (tmp_path / ".out.unfinished/000000.json").exists() and process.poll() is None:
            pass
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate()
        if process.returncode != 0:
            break
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        (tmp_path / "out").unlink(missing_ok=True)
    assert process.returncode == 130
    assert complaint.decode().count("\n") == 1
    assert (tmp_path / ".out.unfinished/000000.json").exists()
    finish(start(inputs, tmp_path / "out"))
    assert contents(tmp_path / "out") == whole[0]


MEASURED = """
import re, sys
from pathlib import Path
from corpus_builder.mixing import Mixing, mix
mix([sys.argv[1]], [sys.argv[2]], sys.argv[3], Mixing(seed=3), memory_mb=int(sys.argv[4]))
# Not ru_maxrss, which begins with that of the process that started this one.
print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""


def peak_mb(inputs: Inputs, output: Path, memory: int) -> float:
    """Most memory that a process of its own took, in million bytes."""
    command = [sys.executable, "-c", MEASURED, *inputs, output, str(memory)]
    result = subprocess.run(command, check=True, env=ENVIRONMENT, capture_output=True, text=True)
    return int(result.stdout) * 1024 / 1e6


def test_memory_is_bounded_and_does_not_decide_the_output(tmp_path: Path) -> None:
    (tmp_path / "few").mkdir()
    program = peak_mb(make_inputs(tmp_path / "few", 10), tmp_path / "few.jsonl", 16)
    inputs = make_inputs(tmp_path, 150_000)
    size = sum(path.stat().st_size for path in inputs) / 1e6
    assert size > 60
    little = peak_mb(inputs, tmp_path / "little.jsonl", 16)
    # 16 MB for the rows, and some for blocks, compression and the allocator.
    assert little - program < 16 + 14
    much = peak_mb(inputs, tmp_path / "much.jsonl", 1000)
    assert much - program > size  # the bound is what keeps it small
    assert (tmp_path / "little.jsonl").read_bytes() == (tmp_path / "much.jsonl").read_bytes()
