"""A cache gives what the teacher gave, computes nothing twice, and loses nothing."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from corpus_builder.errors import InputError
from roformer_sim.teachers import CachedTeacher, CheckedTeacher, fill_cache
from roformer_sim.teachers.checked import cosine_rows

ROOT = Path(__file__).resolve().parents[2]


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def count(folder: Path) -> int:
    return json.loads((folder / "manifest.json").read_bytes())["count"]


def test_vectors_come_back_in_the_order_asked_for(asked, texts: list[str], tmp_path: Path) -> None:
    filled = fill_cache(tmp_path, asked, [*texts, *texts], dtype="float32", block_size=7)
    assert (filled.texts, filled.added, filled.count) == (50, 50, 50)
    assert sorted(asked.texts) == sorted(texts), "each once"
    teacher = CachedTeacher(tmp_path)
    assert (teacher.dimension, teacher.count, teacher.teacher) == (16, 50, "hashes")
    some = [texts[49], texts[3], texts[3], texts[0]]
    assert teacher(some).dtype == np.float32
    assert np.array_equal(teacher(some), asked(some))


def test_half_precision_keeps_cosines_to_a_thousandth(asked, texts: list[str], tmp_path: Path) -> None:
    fill_cache(tmp_path, asked, texts)
    kept, exact = CachedTeacher(tmp_path)(texts), asked(texts)
    assert not np.array_equal(kept, exact)
    others = list(reversed(range(len(texts))))
    errors = cosine_rows(kept, kept[others]) - cosine_rows(exact, exact[others])
    assert np.abs(errors).max() < 1e-3
    assert (tmp_path / "vectors.bin").stat().st_size == 50 * 16 * 2


def test_texts_added_later_are_the_only_ones_computed(asked, texts: list[str], tmp_path: Path) -> None:
    fill_cache(tmp_path, asked, texts[:20])
    before = CachedTeacher(tmp_path)
    asked.calls.clear()
    steps: list[tuple[int, int]] = []
    filled = fill_cache(
        tmp_path, asked, iter(texts), block_size=20, on_progress=lambda *step: steps.append(step)
    )
    assert asked.texts == texts[20:]
    assert (filled.texts, filled.added, filled.count) == (50, 30, 50)
    assert steps == [(0, 30), (20, 30), (30, 30)]
    assert before.missing(texts) == texts[20:], "opened before, it sees what was there then"
    assert CachedTeacher(tmp_path).missing(texts) == []


def test_a_text_that_is_missing_is_told_with_the_command(asked, texts: list[str], tmp_path: Path) -> None:
    fill_cache(tmp_path, asked, texts)
    teacher = CachedTeacher(tmp_path)
    assert teacher.missing(["没有", texts[0], "没有", "也没有"]) == ["没有", "也没有"]
    with pytest.raises(
        InputError, match="no vector of '没有' and 1 more; add it: roformer-sim teacher-cache"
    ):
        teacher([texts[0], "没有", "也没有"])


def test_an_empty_cache_misses_everything(asked, tmp_path: Path) -> None:
    fill_cache(tmp_path, asked, [])
    assert CachedTeacher(tmp_path).missing(["没有"]) == ["没有"]


def test_what_was_finished_when_the_teacher_failed_is_kept(asked, texts: list[str], tmp_path: Path) -> None:
    asked.most = 3  # the probe and two blocks
    with pytest.raises(InputError, match="teacher hashes: failed: RuntimeError: stopped"):
        fill_cache(tmp_path / "a", asked, texts, block_size=8)
    assert CachedTeacher(tmp_path / "a").missing(texts) == texts[16:]
    asked.most = 10**9
    asked.calls.clear()
    fill_cache(tmp_path / "a", asked, texts, block_size=8)
    assert asked.texts == texts[16:]
    fill_cache(tmp_path / "b", asked, texts, block_size=8)
    assert content(tmp_path / "a") == content(tmp_path / "b")


@pytest.mark.parametrize("name", ["keys.bin", "vectors.bin"])
def test_rows_that_were_cut_off_are_computed_again(
    asked, texts: list[str], tmp_path: Path, name: str
) -> None:
    fill_cache(tmp_path, asked, texts)
    whole = content(tmp_path)
    os.truncate(tmp_path / name, (tmp_path / name).stat().st_size * 3 // 5 + 1)
    with pytest.raises(InputError, match="holds 30 of the 50 rows its manifest names"):
        CachedTeacher(tmp_path)
    asked.calls.clear()
    with pytest.warns(UserWarning, match="holds 30 of 50 rows; the others are computed again"):
        fill_cache(tmp_path, asked, texts)
    assert asked.texts == texts[30:]
    assert content(tmp_path) == whole


def test_a_damaged_row_is_noticed_when_it_is_used(asked, texts: list[str], tmp_path: Path) -> None:
    fill_cache(tmp_path, asked, texts)
    with (tmp_path / "vectors.bin").open("r+b") as file:
        file.seek(5 * 32)
        file.write(bytes(32))
    teacher = CachedTeacher(tmp_path)
    teacher(texts[6:])
    with pytest.raises(InputError, match=r"cache:.*'第5个句子' is all zeros"):
        teacher(texts)


def test_another_teacher_or_type_is_refused(asked, texts: list[str], tmp_path: Path) -> None:
    fill_cache(tmp_path, asked, texts)
    before = content(tmp_path)
    wider = CheckedTeacher(lambda texts: np.ones((len(texts), 17)), "wider")
    other = CheckedTeacher(lambda texts: np.ones((len(texts), 16)), "other")
    with pytest.raises(InputError, match=r"another teacher, hashes \(16 dimensions, not 17\)"):
        fill_cache(tmp_path, wider, texts)
    with pytest.raises(InputError, match=r"another teacher, hashes .*give other a folder of its own"):
        fill_cache(tmp_path, other, texts)
    with pytest.raises(InputError, match="holds float16"):
        fill_cache(tmp_path, asked, texts, dtype="float32")
    assert content(tmp_path) == before
    renamed = CheckedTeacher(asked, "the same under another name")
    assert fill_cache(tmp_path, renamed, texts).added == 0


def test_numbers_that_float16_cannot_hold_are_refused(texts: list[str], tmp_path: Path) -> None:
    for size in (1e6, 1e-7):
        teacher = CheckedTeacher(lambda texts, size=size: np.full((len(texts), 4), size), "odd")
        folder = tmp_path / str(size)
        with pytest.raises(InputError, match=r"'第0个句子' is too large or too small.*--dtype float32"):
            fill_cache(folder, teacher, texts)
        assert fill_cache(tmp_path / f"{size}-32", teacher, texts, dtype="float32").added == 50


def test_folders_of_other_things_are_left_alone(asked, texts: list[str], tmp_path: Path) -> None:
    for name, part in (("notes.txt", "holds notes.txt"), ("manifest.json", "not the manifest of a teacher")):
        folder = tmp_path / name.split(".")[0]
        folder.mkdir()
        (folder / name).write_text("{}", encoding="utf-8")
        with pytest.raises(InputError, match=part):
            fill_cache(folder, asked, texts)
        assert content(folder) == {name: b"{}"}
    with pytest.raises(InputError, match="is no teacher cache"):
        CachedTeacher(tmp_path / "notes")
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be written"):
        fill_cache(tmp_path / "file", asked, texts)


def test_two_writers_at_once_are_refused(asked, texts: list[str], tmp_path: Path) -> None:
    class Nosy(CheckedTeacher):
        def __call__(self, given: list[str]) -> np.ndarray:
            if given[0] in texts:
                with pytest.raises(InputError, match="another teacher-cache writes here now"):
                    fill_cache(tmp_path, asked, texts)
            return asked(given)

    assert fill_cache(tmp_path, Nosy(asked, "nosy"), texts).added == 50


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """What a full disk does: writing stops in the middle of a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, previous)


def test_no_room_for_a_block_is_one_error_and_takes_nothing_away(
    asked, texts: list[str], tmp_path: Path
) -> None:
    with files_of_at_most(1300), pytest.raises(InputError, match=r"vectors\.bin: cannot be written"):
        fill_cache(tmp_path / "a", asked, texts, block_size=10)
    assert count(tmp_path / "a") == 40
    assert (tmp_path / "a" / "vectors.bin").stat().st_size == 40 * 32
    assert (tmp_path / "a" / "keys.bin").stat().st_size == 40 * 16
    fill_cache(tmp_path / "a", asked, texts, block_size=10)
    fill_cache(tmp_path / "b", asked, texts, block_size=10)
    assert content(tmp_path / "a") == content(tmp_path / "b")


SLOW = """
import time
import numpy as np
def encode(texts):
    time.sleep(0.03)
    return np.array([[len(text), *text.encode()[-6:]] for text in texts])
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_that_is_killed_goes_on_and_ends_with_the_same_bytes(tmp_path: Path, workers: int) -> None:
    (tmp_path / "slow.py").write_text(SLOW, encoding="utf-8")
    (tmp_path / "texts.txt").write_text("".join(f"第{n}句\n" for n in range(400)), encoding="utf-8")

    def start(folder: str) -> subprocess.Popen[bytes]:
        options = ["-i", "texts.txt", "-o", folder, "--block-size", "10", "--workers", str(workers)]
        command = [sys.executable, "-m", "roformer_sim.cli", "teacher-cache", "python:slow:encode", *options]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL)

    whole = start("whole")
    for rows in (1, 90, 250):
        process = start("killed")
        manifest = tmp_path / "killed" / "manifest.json"
        deadline = time.monotonic() + 60
        while not manifest.exists() or count(manifest.parent) < rows:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.005)
        process.kill()
        process.wait()
        assert rows <= count(tmp_path / "killed") < 400
        with (tmp_path / "killed" / "vectors.bin").open("ab") as file:
            file.write(b"torn")  # a block that was being written
    assert start("killed").wait(60) == 0
    assert whole.wait(60) == 0
    assert content(tmp_path / "killed") == content(tmp_path / "whole")
