"""Computing what a cache lacks: each text once, in blocks, in the order of the texts."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import compress, islice
from multiprocessing import connection
from pathlib import Path

import numpy as np
import numpy.typing as npt

from corpus_builder.errors import InputError
from roformer_sim.teachers.cache import CachedTeacher, CacheWriter, VectorType
from roformer_sim.teachers.checked import CheckedTeacher
from roformer_sim.teachers.keys import KeyIndex, Keys, keys_from, keys_of
from roformer_sim.teachers.load import load_teacher

BLOCK_SIZE = 1024
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_HASHED = 8192  # texts hashed at a time

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class Filled:
    """What was done.

    Attributes:
        texts: different texts that were asked for.
        added: of these, computed now; the others were there.
        count: texts in the cache now.
        dimension: of a vector.
    """

    texts: int
    added: int
    count: int
    dimension: int


def fill_cache(
    folder: str | Path,
    teacher: str | CheckedTeacher,
    texts: Iterable[str],
    *,
    dtype: VectorType | None = None,
    block_size: int = BLOCK_SIZE,
    workers: int = 1,
    on_progress: OnProgress = lambda added, total: None,
) -> Filled:
    """Put the vectors of all texts into a cache; those it has are not computed again.

    Killed at any moment, it loses the blocks it was at; the same call goes on and ends with the same bytes.
    Memory: 50 bytes a text. The texts are gone through twice.

    Args:
        folder: The cache; made if need be.
        teacher: Name of one (see :func:`load_teacher`), or a loaded one.
        texts: As the teacher shall see them; equal ones count once.
        dtype: ``"float16"`` (default of a new cache) or ``"float32"``.
        block_size: Texts between two writes, and in one call of the teacher.
        workers: Processes, each with a teacher of its own and one thread; needs a teacher's name.
        on_progress: Told ``(added, to be added)`` after each block.

    Raises:
        InputError: The teacher's answer is wrong, another one's vectors are in the folder, the disk is full.
    """
    if block_size < 1 or workers < 1:
        raise InputError(f"block_size {block_size}, workers {workers}: must be at least 1")
    if workers > 1 and not isinstance(teacher, str):
        raise InputError("workers above 1 need the name of a teacher: each process loads its own")
    loaded = load_teacher(teacher) if isinstance(teacher, str) else teacher
    if isinstance(loaded, CachedTeacher):
        raise InputError(f"teacher {loaded.name}: is a cache itself; name the teacher that it was made with")
    if iter(texts) is texts:
        texts = list(texts)
    with CacheWriter(folder, loaded.name, loaded.probe(), dtype) as cache:
        wanted = keys_from(b"".join(keys.tobytes() for keys in map(keys_of, _blocks(texts, _HASHED))))
        different, missing = _missing(wanted, cache.keys())
        total, added = int(missing.sum()), 0
        blocks = _blocks(compress(texts, missing.tolist()), block_size)
        on_progress(added, total)
        with contextlib.closing(_taught(blocks, loaded, min(workers, -(-total // block_size)))) as taught:
            for block, vectors in taught:
                cache.append(block, vectors)
                added += len(block)
                on_progress(added, total)
        return Filled(different, added, cache.manifest.count, cache.manifest.dimension)


def _missing(wanted: Keys, have: Keys) -> tuple[int, npt.NDArray[np.bool_]]:
    """How many keys differ, and for each whether it is its first time and not among those we have."""
    index = KeyIndex(wanted)
    first = index.rows(wanted) == np.arange(len(wanted))
    return len(index), first & (KeyIndex(have).rows(wanted) < 0)


def _blocks(texts: Iterable[str], size: int) -> Iterator[list[str]]:
    texts = iter(texts)
    while block := list(islice(texts, size)):
        yield block


def _taught(
    blocks: Iterator[list[str]], teacher: CheckedTeacher, workers: int
) -> Generator[tuple[list[str], np.ndarray], None, None]:
    """Each block with its vectors, in order, so that a killed run leaves no gap."""
    if workers <= 1:
        for block in blocks:
            yield block, teacher(block)
        return
    pending: deque[tuple[list[str], Future[np.ndarray]]] = deque()
    with _one_thread_each():
        pool = ProcessPoolExecutor(
            workers, multiprocessing.get_context("spawn"), initializer=_begin, initargs=(teacher.name,)
        )
        try:
            for block in blocks:
                pending.append((block, pool.submit(_teach, block)))
                if len(pending) == 2 * workers:
                    block, future = pending.popleft()
                    yield block, future.result()
            for block, future in pending:
                yield block, future.result()
        except BrokenProcessPool:
            raise InputError(
                "a worker process was killed or could not load the teacher, perhaps for want of memory; what "
                "is finished is kept: start again with fewer --workers"
            ) from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def _one_thread_each() -> Iterator[None]:
    """Worker processes started in this block use one thread each, unless the environment says otherwise."""
    ours = [name for name in _THREADS if name not in os.environ]
    os.environ.update(dict.fromkeys(ours, "1"))
    try:
        yield
    finally:
        for name in ours:
            os.environ.pop(name, None)


_teacher: CheckedTeacher | CachedTeacher | None = None


def _begin(name: str) -> None:
    import signal

    global _teacher
    # Ctrl-C is the parent's to answer.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _teacher = load_teacher(name)


def _end_with_parent() -> None:
    """A parent that is killed cannot tell its workers, which would wait for work for ever."""
    if parent := multiprocessing.parent_process():
        connection.wait([parent.sentinel])
        os._exit(1)


def _teach(block: list[str]) -> np.ndarray:
    assert _teacher is not None
    return _teacher(block)
