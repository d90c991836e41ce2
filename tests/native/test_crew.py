"""Threads that wait for one another inside compiled code."""

from __future__ import annotations

import multiprocessing
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from roformer_sim.native.compiling import compiled
from roformer_sim.native.crew import Crew, meet


@compiled
def pass_on(thread, threads, barrier, values, rounds):
    """Each round every thread adds up what all had before it: wrong where one runs ahead."""
    for _ in range(rounds):
        total = 0
        for other in range(threads):
            total += values[other]
        meet(barrier, threads)
        values[thread] = total % 1_000_003
        meet(barrier, threads)


def expected(threads, rounds):
    values = list(range(1, threads + 1))
    for _ in range(rounds):
        values = [sum(values) % 1_000_003] * threads
    return values


def found(crew, rounds=3000):
    values = np.arange(1, crew.threads + 1)
    crew.run(pass_on, values, rounds)
    return values.tolist()


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_nobody_runs_ahead(threads):
    """Also with more threads than cores."""
    assert found(Crew(threads)) == expected(threads, 3000)


def test_calls_of_several_threads_take_turns():
    crew = Crew(3)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: found(crew, 200), range(12))) == [expected(3, 200)] * 12


def test_an_error_in_a_thread_is_raised():
    def fail(thread, threads, barrier):
        if thread == 1:
            raise ValueError("in a thread")

    crew = Crew(2)
    with pytest.raises(ValueError, match="in a thread"):
        crew.run(fail)
    assert found(crew) == expected(2, 3000)


def _forked(crew, answers):
    answers.put(found(crew))


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
def test_a_forked_process_gets_threads_of_its_own():
    crew = Crew(2)
    found(crew)
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    child = context.Process(target=_forked, args=(crew, answers), daemon=True)
    child.start()
    child.join(30)
    assert not child.is_alive() and child.exitcode == 0
    assert answers.get() == expected(2, 3000)
