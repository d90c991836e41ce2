"""Work in pieces: the same parts in one process and in several, and nothing done twice."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from corpus_builder.errors import InputError
from corpus_builder.jobs.parts import Part, PartsFolder
from corpus_builder.jobs.workers import Work, do_parts


class Doubling(Work[int]):
    def part(self, chunk: int) -> Part:
        if chunk == self.settings.get("fails_at"):
            raise InputError("a.jsonl:3: malformed")
        if chunk == self.settings.get("dies_at"):
            os.kill(os.getpid(), signal.SIGKILL)
        with Path(self.settings["log"]).open("a") as log:
            log.write(f"{chunk}\n")
        return Part({"value": np.array([2 * chunk])})


@pytest.fixture
def folder(tmp_path):
    return PartsFolder(tmp_path / "parts", {})


@pytest.fixture
def settings(tmp_path):
    return {"log": str(tmp_path / "log")}


def everything(folder, count):
    return [int(folder.load(k).arrays["value"][0]) for k in range(count)]


@pytest.mark.parametrize("processes", [1, 2])
def test_chunk_k_makes_part_k(folder, settings, processes):
    assert do_parts(range(7), Doubling, settings, folder, processes=processes) == 7
    assert everything(folder, 7) == [2 * k for k in range(7)]


@pytest.mark.parametrize("processes", [1, 2])
def test_what_is_there_is_not_done_again(folder, settings, processes, tmp_path):
    with pytest.raises(InputError, match=r"a.jsonl:3"):
        do_parts(range(5), Doubling, settings | {"fails_at": 3}, folder, processes=1)
    do_parts(range(5), Doubling, settings, folder, processes=processes)
    assert sorted((tmp_path / "log").read_text().split()) == ["0", "1", "2", "3", "4"]
    assert len(everything(folder, 5)) == 5


def test_a_killed_worker_is_one_clear_error(folder, settings):
    with pytest.raises(InputError, match="a worker process was killed"):
        do_parts(range(4), Doubling, settings | {"dies_at": 2}, folder, processes=2)


def test_errors_of_the_work_come_through_from_a_worker(folder, settings):
    with pytest.raises(InputError, match=r"a.jsonl:3: malformed"):
        do_parts(range(4), Doubling, settings | {"fails_at": 2}, folder, processes=2)


def test_no_chunks(folder, settings):
    assert do_parts([], Doubling, settings, folder, processes=1) == 0
