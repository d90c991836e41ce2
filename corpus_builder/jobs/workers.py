"""Pieces of work on all cores: read here, done in worker processes, saved here in order of completion."""

from __future__ import annotations

import multiprocessing
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Generic, TypeVar

from corpus_builder.errors import InputError
from corpus_builder.jobs.parts import Part, PartsFolder

Chunk = TypeVar("Chunk")


def cores() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Work(ABC, Generic[Chunk]):
    """What is done with a chunk. Built once in each worker process from ``settings``.

    ``settings`` must be plain data: worker processes are started fresh, on every platform alike.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings

    @abstractmethod
    def part(self, chunk: Chunk) -> Part:
        """The result of one chunk, from the chunk and the settings alone."""


def do_parts(
    chunks: Iterable[Chunk],
    work: type[Work[Chunk]],
    settings: dict[str, Any],
    folder: PartsFolder,
    *,
    processes: int,
) -> int:
    """Do every chunk whose part is missing; return the number of chunks.

    Chunk k always makes part k, so the parts do not depend on the number of processes or on where an
    earlier run ended. At most two chunks a process are held in memory.

    Args:
        chunks: In order; the same at every run.
        work, settings: What to do, see :class:`Work`.
        folder: Where parts are, and go.
        processes: 1 does everything in this process.

    Raises:
        InputError: From the work; or a worker process was killed, for instance for want of memory.
    """
    if processes == 1:
        worker, number = work(settings), -1
        for number, chunk in enumerate(chunks):
            if not folder.has(number):
                folder.save(number, worker.part(chunk))
        return number + 1
    return _do_parts_in_processes(chunks, work, settings, folder, processes)


def _do_parts_in_processes(
    chunks: Iterable[Chunk],
    work: type[Work[Chunk]],
    settings: dict[str, Any],
    folder: PartsFolder,
    processes: int,
) -> int:
    pending: dict[Future[Part], int] = {}

    def collect(most: int) -> None:
        while len(pending) > most:
            for future in wait(pending, return_when=FIRST_COMPLETED).done:
                folder.save(pending.pop(future), future.result())

    pool = ProcessPoolExecutor(
        processes,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin,
        initargs=(work, settings),
    )
    count = 0
    try:
        for number, chunk in enumerate(chunks):
            count = number + 1
            if not folder.has(number):
                pending[pool.submit(_do, chunk)] = number
                collect(2 * processes - 1)
        collect(0)
    except BrokenProcessPool:
        raise InputError(
            "a worker process was killed, perhaps for want of memory; the finished part is kept: start "
            "again with fewer --processes"
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return count


_worker: Work[Any] | None = None


def _begin(work: type[Work[Any]], settings: dict[str, Any]) -> None:
    import signal

    global _worker
    # Ctrl-C is the parent's to answer; it saves what is done and ends the workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _worker = work(settings)


def _do(chunk: Any) -> Part:
    assert _worker is not None
    return _worker.part(chunk)
