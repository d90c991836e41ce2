"""The second step: any number of rows in a random order, in bounded memory.

Every row has a random key of 64 bits. As many rows as memory allows are sorted by key at a time and written
to a run, cut into buckets: equal ranges of the keys, the same in every run. Then bucket after bucket is read
from all runs, sorted as a whole and handed on. The order of the rows is that of their keys, so it depends
neither on the memory nor on the number of runs and buckets.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from corpus_builder.mixing.blocks import read_block, sync, write_block
from corpus_builder.mixing.keys import Keys, KeyStream
from corpus_builder.mixing.plan import Kind, Take
from corpus_builder.mixing.reading import RowFile
from corpus_builder.writers import AtomicWriter

KeyedLines = tuple[Keys, list[bytes]]

# A line in a list: the object's head, two pointers (one for a copy in order), its key and its place.
_BESIDE_A_LINE = 33 + 16 + 16
# Lines, what is joined of them, and what comes out of the compression.
_TIMES_IN_MEMORY = 3


def keyed_lines(files: dict[Kind, list[RowFile]], takes: dict[Kind, Take], seed: int) -> Iterator[KeyedLines]:
    """The lines that are taken, some at a time, each with its key; a line taken twice has two."""
    for kind, take in takes.items():
        orders = [KeyStream(seed, f"{kind}/order/{number}") for number in range(take.passes + 1)]
        sample = KeyStream(seed, f"{kind}/sample")
        last = sample.smallest(take.rows, take.rest) if take.rest else None
        start = 0
        for lines in (block for file in files[kind] for block in file.blocks()):
            stop = start + len(lines)
            for order in orders[:-1]:
                yield order.keys(start, stop), lines
            if last is not None:
                chosen = np.flatnonzero(sample.keys(start, stop) <= last)
                yield orders[-1].keys(start, stop)[chosen], [lines[i] for i in chosen.tolist()]
            start = stop


@dataclass(frozen=True, slots=True)
class Shuffle:
    """Sorts lines by key through files in a folder.

    Attributes:
        folder: For temporary files; removed and made anew unless it holds the whole of the same work.
        memory: Bytes that lines may take at any time, besides the program itself.
        size: Length of all lines together, roughly.
        rows: How many.
    """

    folder: Path
    memory: int
    size: int
    rows: int

    @property
    def _at_a_time(self) -> int:
        return self.memory // _TIMES_IN_MEMORY

    @property
    def buckets(self) -> int:
        """A power of two, so that an average bucket has room in memory."""
        whole = self.size + self.rows * _BESIDE_A_LINE
        return 1 << max(0, (whole - 1) // self._at_a_time).bit_length()

    def scatter(self, keyed: Iterable[KeyedLines], identity: Any) -> Iterator[int]:
        """Write all runs; yields how many lines more are done.

        Args:
            keyed: Lines and their keys.
            identity: JSON of what they depend on: runs that an earlier call finished with the same are kept.
        """
        complete = self.folder / "complete.json"
        wanted = json.loads(json.dumps([identity, self.memory, self.size, self.rows]))
        if identity is not None and complete.exists() and json.loads(complete.read_bytes())[0] == wanted:
            yield self.rows
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        runs = 0
        for batch in _batches(keyed, self._at_a_time):
            self._write_run(runs, *batch)
            runs += 1
            yield len(batch[1])
        with AtomicWriter(complete) as out:
            out.write_line(json.dumps([wanted, runs]))

    def _write_run(self, number: int, keys: Keys, lines: list[bytes]) -> None:
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        borders = [0, *np.searchsorted(keys, self._first_keys()).tolist(), len(keys)]
        lines = [lines[i] for i in order.tolist()]
        with (self.folder / f"{number:08d}.run").open("wb") as file:
            places = np.zeros(self.buckets, "<u8")
            file.write(places.tobytes())
            for bucket, (start, stop) in enumerate(pairwise(borders)):
                if start < stop:
                    places[bucket] = file.tell()
                    write_block(file, lines[start:stop], keys[start:stop].astype("<u8").tobytes())
            file.seek(0)
            file.write(places.tobytes())
            sync(file)

    def _first_keys(self) -> Keys:
        """The smallest key of each bucket but the first."""
        return np.arange(1, self.buckets, dtype=np.uint64) * np.uint64(2**64 // self.buckets % 2**64)

    def gather(self) -> Iterator[bytes]:
        """All lines in the order of their keys; of equal keys, in the order they came."""
        runs = sorted(self.folder.glob("*.run"))
        for bucket in range(self.buckets):
            keys, lines = _read_bucket(runs, bucket)
            for i in np.argsort(keys, kind="stable").tolist():
                yield lines[i]


def _batches(keyed: Iterable[KeyedLines], size: int) -> Iterator[KeyedLines]:
    """Put lines together until they take ``size`` bytes of memory."""
    keys: list[Keys] = []
    lines: list[bytes] = []
    held = 0
    for some_keys, some_lines in keyed:
        keys.append(some_keys)
        lines += some_lines
        held += sum(map(len, some_lines)) + _BESIDE_A_LINE * len(some_lines)
        if held >= size:
            yield np.concatenate(keys), lines
            keys, lines, held = [], [], 0
    if lines:
        yield np.concatenate(keys), lines


def _read_bucket(runs: list[Path], bucket: int) -> KeyedLines:
    keys: list[Keys] = [np.zeros(0, np.uint64)]
    lines: list[bytes] = []
    for run in runs:
        with run.open("rb") as file:
            file.seek(8 * bucket)
            place = int.from_bytes(file.read(8), "little")
            if place:
                file.seek(place)
                block = read_block(file, before_each=8)
                assert block is not None
                keys.append(np.frombuffer(block[0], "<u8").astype(np.uint64))
                lines += block[1]
    return np.concatenate(keys), lines
