"""A function applied to numbered tasks by several processes, its results in the order of the tasks.

Processes are started anew (``spawn``), never forked: a fork copies the locks of TensorFlow's or JAX's threads
without the threads that would release them. A started process imports what its function needs and no more, so
a function that makes batches lives in a module without Keras.

Every worker has a pipe of its own, whose other end is held by nobody but the parent, and watches its parent:
a worker ends when the pipe closes or when the parent does, however it ends. Nothing is left running.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple

from corpus_builder.errors import InputError

TASKS_AHEAD = 4
"""Results a worker's worth of which may wait for one that takes longer."""


class Reply(NamedTuple):
    """What a worker sends back: the result, or the words of what went wrong."""

    result: Any = None
    wrong_input: str | None = None
    failure: str | None = None


class Workers:
    """Processes that each hold a copy of ``make`` and apply it to tasks.

    Args:
        make: What is done to a task. It goes to each process once, so it must be picklable: a function at the
            top of a module, or an object of such a class. With a script as the main program, that script
            needs the usual ``if __name__ == "__main__":``, since each process imports it.
        count: Number of processes, 1 or more.

    Raises:
        InputError: ``make`` cannot be sent to a process.

    Example:
        >>> with Workers(str.upper, 2) as workers:  # doctest: +SKIP
        ...     list(workers.map(iter(["simbert", "roformer"])))
        ['SIMBERT', 'ROFORMER']
    """

    def __init__(self, make: Callable[[Any], Any], count: int) -> None:
        try:
            function = pickle.dumps(make)
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            raise InputError(
                f"workers={count}: {make!r} cannot be sent to a process ({error}); use workers=0"
            ) from None
        context = multiprocessing.get_context("spawn")
        self._processes = []
        self._pipes: list[Connection] = []
        self._busy: dict[Connection, int] = {}  # number of the task that a worker is at
        self._issued, self._ahead = 0, TASKS_AHEAD * count
        # A process begins with its parent's mask: Ctrl-C is for the parent, which then closes the pipes.
        with _interrupts_held():
            for _ in range(count):
                ours, theirs = context.Pipe()
                process = context.Process(target=_work, args=(theirs, function), daemon=True)
                process.start()
                theirs.close()
                self._processes.append(process)
                self._pipes.append(ours)

    def map(self, tasks: Iterator[Any]) -> Iterator[Any]:
        """The results of ``tasks``, in order; a task is taken when a worker is free for it.

        Only one such iterator may be open at a time; what one that was left had asked for is dropped.

        Raises:
            InputError: A task raised one, at the place of its result; or a worker was killed.
            RuntimeError: A task raised something else, whose traceback is in the message.
        """
        first = given = self._issued
        replies: dict[int, Reply] = {}
        more = True
        while True:
            while more and len(self._busy) < len(self._pipes) and self._issued - given < self._ahead:
                more = self._issue(tasks)
            if given in replies:
                yield _result(replies.pop(given))
                given += 1
            elif not more and given == self._issued:
                return
            else:
                replies |= {number: reply for number, reply in self._received() if number >= first}

    def close(self) -> None:
        """End the processes, what they are doing included; more than once does no harm."""
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join(1)
            if process.is_alive():
                process.terminate()
                process.join()

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _issue(self, tasks: Iterator[Any]) -> bool:
        """Give the next task to a worker that is free; whether there was one."""
        try:
            task = next(tasks)
        except StopIteration:
            return False
        pipe = next(pipe for pipe in self._pipes if pipe not in self._busy)
        try:
            pipe.send(task)
        except OSError:
            raise self._ended(pipe) from None
        self._busy[pipe] = self._issued
        self._issued += 1
        return True

    def _received(self) -> Iterator[tuple[int, Reply]]:
        """Wait for a worker, then the replies of all that have one."""
        ready = wait(list(self._busy))
        for pipe in [pipe for pipe in self._busy if pipe in ready]:
            number = self._busy.pop(pipe)
            try:
                yield number, Reply(*pipe.recv())
            except (EOFError, OSError):
                raise self._ended(pipe) from None

    def _ended(self, pipe: Connection) -> InputError:
        process = self._processes[self._pipes.index(pipe)]
        process.join(5)
        return InputError(
            f"worker process {process.pid} ended with code {process.exitcode}; where memory is short (-9) "
            'use fewer workers, and in a script of your own train under `if __name__ == "__main__":`'
        )


def _result(reply: Reply) -> Any:
    if reply.wrong_input is not None:
        raise InputError(reply.wrong_input)
    if reply.failure is not None:
        raise RuntimeError(f"a worker process failed:\n{reply.failure}")
    return reply.result


def _work(pipe: Connection, function: bytes) -> None:
    """Answer tasks until the pipe closes."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    make: Callable[[Any], Any] | None = None
    while True:
        try:
            task = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            make = make or pickle.loads(function)
            reply = Reply(make(task))
        except InputError as error:
            reply = Reply(wrong_input=str(error))
        except Exception:
            reply = Reply(failure=traceback.format_exc())
        try:
            pipe.send(tuple(reply))
        except OSError:
            return


def _end_with_parent() -> None:
    """End this process at once when its parent has ended, in the midst of a task as well."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """No SIGINT for this thread, nor for the processes that it starts."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # starting it later would let the signal through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
