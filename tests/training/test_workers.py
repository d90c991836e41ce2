"""Worker processes: the order of results, errors, and that none outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

import pytest
from worker_tasks import after_a_while, named_deed

from corpus_builder.errors import InputError
from roformer_sim.training.workers import Workers

PARENT = """
import os, sys
from worker_tasks import after_a_while
from roformer_sim.training.workers import Workers

if __name__ == "__main__":
    with Workers(after_a_while, 2) as workers:
        done = workers.map((i, 0.05 if i < 6 else 60) for i in range(99))
        print(*{pid for _, pid in [next(done) for _ in range(6)]}, flush=True)
        next(done)
"""


@pytest.fixture(scope="module")
def two():
    with Workers(named_deed, 2) as workers:
        yield workers


@pytest.mark.parametrize("count", [1, 3])
def test_results_come_in_the_order_of_the_tasks(count):
    tasks = [(i, 0.05 if i % 4 == 0 else 0.0) for i in range(24)]
    with Workers(after_a_while, count) as workers:
        results = list(workers.map(iter(tasks)))
    assert [number for number, _ in results] == list(range(24))
    assert len({pid for _, pid in results}) == count


def test_tasks_are_taken_as_they_are_needed(two):
    taken = []
    tasks = (taken.append(i) or str(i) for i in range(1000))
    assert list(islice(two.map(tasks), 3)) == ["0", "1", "2"]
    assert len(taken) < 20


def test_after_an_iterator_that_was_left_the_next_gives_its_own_results(two):
    left = two.map(iter(["a", "b", "c", "d"]))
    assert next(left) == "a"
    left.close()
    assert list(two.map(iter(["e", "f", "g"]))) == ["e", "f", "g"]


def test_no_tasks(two):
    assert list(two.map(iter([]))) == []


def test_wrong_input_arrives_as_it_is_in_its_place(two):
    results = two.map(iter(["a", "b", "refuse", "c"]))
    assert [next(results), next(results)] == ["a", "b"]
    with pytest.raises(InputError, match=r"^groups.jsonl, line 7: a group of one sentence$"):
        next(results)
    assert list(two.map(iter(["d"]))) == ["d"]


def test_another_error_brings_its_traceback(two):
    with pytest.raises(RuntimeError, match=r"(?s)worker_tasks.py.*ZeroDivisionError: one pair by none"):
        list(two.map(iter(["fail"])))


def test_a_killed_worker_is_told():
    with Workers(named_deed, 2) as workers, pytest.raises(InputError, match="ended with code -9"):
        list(workers.map(iter(["a", "die", "b"])))


def test_what_cannot_be_sent_is_refused():
    with pytest.raises(InputError, match=r"cannot be sent to a process .*use workers=0"):
        Workers(lambda task: task, 1)


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_their_parent_in_the_midst_of_a_task(sent, tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT, encoding="utf-8")
    here = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(here), str(here.parents[1])])}
    parent = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )
    workers = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(workers) == 2
    begin = time.monotonic()
    if sent == signal.SIGKILL:
        parent.kill()
    else:
        os.killpg(parent.pid, signal.SIGINT)  # as a terminal does
    while any(map(_runs, workers)) and time.monotonic() - begin < 20:
        time.sleep(0.05)
    assert time.monotonic() - begin < 10
    _, errors = parent.communicate(timeout=10)
    assert errors.count("Traceback") == (0 if sent == signal.SIGKILL else 1)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
