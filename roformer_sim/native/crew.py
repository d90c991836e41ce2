"""Threads that run one compiled function together and wait for one another inside it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from roformer_sim.native.compiling import compiled
from roformer_sim.native.first_call import told_if_compiled
from roformer_sim.native.instructions import count_up, give_way, look, pause, put

_LOOKS = 2000
"""How often a thread looks for the others before it gives way to other threads of the machine."""


@compiled
def meet(barrier, threads):  # type: ignore[no-untyped-def]
    """Go on when all threads have come here.

    Args:
        barrier: Address of two cache lines of memory, zero at first: how many came, and how often all came.
    """
    if threads > 1:
        times = look(barrier + 64)
        if count_up(barrier) == threads - 1:
            put(barrier, 0)
            put(barrier + 64, times + 1)
        else:
            looks = 0
            while look(barrier + 64) == times:
                looks += 1
                if looks < _LOOKS:
                    pause()
                else:
                    give_way()


class Crew:
    """Threads for compiled functions.

    Args:
        threads: How many, the calling one included.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        # Memory of the barrier, which a thread may look at a moment longer than a call that is interrupted.
        self._memory = np.zeros(32, np.int64)
        self._barrier = self._memory.ctypes.data + -self._memory.ctypes.data % 64
        self._start()

    def _start(self) -> None:
        self._process = os.getpid()
        self._workers = ThreadPoolExecutor(self.threads - 1) if self.threads > 1 else None
        self._lock = threading.Lock()  # threads of two calls would wait for one another forever

    def run(self, function: Callable[..., Any], *arguments: Any) -> None:
        """``function(thread, threads, barrier, *arguments)`` in every thread; see :func:`meet`."""
        if self._process != os.getpid():  # a forked process has none of the threads
            self._start()
        with self._lock, told_if_compiled(function):
            waiting = []
            if self._workers is not None:
                waiting = [
                    self._workers.submit(function, thread, self.threads, self._barrier, *arguments)
                    for thread in range(1, self.threads)
                ]
            function(0, self.threads, self._barrier, *arguments)
            for one in waiting:
                one.result()
