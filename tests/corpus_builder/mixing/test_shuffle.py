"""Lines come out in the order of their keys, whatever the memory, the runs and the buckets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus_builder.mixing.blocks import BLOCK_BYTES, BlockWriter, read_blocks
from corpus_builder.mixing.shuffle import KeyedLines, Shuffle

LINES = st.binary(max_size=12).filter(lambda line: b"\n" not in line)
# Few different keys, so that many are equal; and the ends of the range.
KEYS = st.integers(0, 3) | st.integers(2**64 - 2, 2**64 - 1) | st.integers(0, 2**64 - 1)


def shuffled(folder: Path, pieces: list[KeyedLines], memory: int) -> tuple[list[bytes], int]:
    lines = [line for _, some in pieces for line in some]
    shuffle = Shuffle(folder, memory, sum(map(len, lines)), len(lines))
    assert sum(shuffle.scatter(iter(pieces), ["test"])) == len(lines)
    return list(shuffle.gather()), shuffle.buckets


@settings(deadline=None, max_examples=100)
@given(
    rows=st.lists(st.tuples(KEYS, LINES), min_size=1, max_size=60),
    cut=st.integers(1, 20),
    memory=st.integers(6, 20_000),
)
def test_equals_a_sort_in_memory_for_any_memory(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, bytes]], cut: int, memory: int
) -> None:
    pieces = [
        (np.array([key for key, _ in rows[i : i + cut]], np.uint64), [line for _, line in rows[i : i + cut]])
        for i in range(0, len(rows), cut)
    ]
    folder = tmp_path_factory.mktemp("shuffle") / "runs"
    found, _ = shuffled(folder, pieces, memory)
    # Python's sort is stable: of equal keys the earlier line first.
    assert found == [line for _, line in sorted(rows, key=lambda row: row[0])]


def test_many_buckets_and_runs_are_made_and_give_one_order(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lines = [f"第{i}行".encode() for i in range(5_000)]
    keys = rng.integers(0, 2**64, 5_000, np.uint64)
    pieces = [(keys[i : i + 100], lines[i : i + 100]) for i in range(0, 5_000, 100)]
    orders = []
    for memory in (3_000, 50_000, 10**9):
        order, buckets = shuffled(tmp_path / str(memory), pieces, memory)
        orders.append(order)
        runs = len(list((tmp_path / str(memory)).glob("*.run")))
        assert (buckets, runs) == {3_000: (512, 50), 50_000: (32, 17), 10**9: (1, 1)}[memory]
    assert orders[0] == orders[1] == orders[2]


def test_finished_runs_are_used_again_for_the_same_work_alone(tmp_path: Path) -> None:
    keys = np.arange(3, dtype=np.uint64)
    shuffle = Shuffle(tmp_path / "runs", 1000, 3, 3)
    assert sum(shuffle.scatter([(keys, [b"a", b"b", b"c"])], [7])) == 3
    assert sum(shuffle.scatter([], [7])) == 3
    assert list(shuffle.gather()) == [b"a", b"b", b"c"]
    assert sum(shuffle.scatter([(keys, [b"x", b"y", b"z"])], [8])) == 3
    assert list(shuffle.gather()) == [b"x", b"y", b"z"]
    # None: what the lines depend on is not known.
    assert sum(shuffle.scatter([(keys, [b"1", b"2", b"3"])], None)) == 3
    assert sum(shuffle.scatter([(keys, [b"4", b"5", b"6"])], None)) == 3
    assert list(shuffle.gather()) == [b"4", b"5", b"6"]


@settings(deadline=None, max_examples=50)
@given(st.lists(LINES | st.just(b"x" * (BLOCK_BYTES // 2)), max_size=8))
def test_blocks_give_back_the_lines(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]) -> None:
    path = tmp_path_factory.mktemp("blocks") / "a.rows"
    with BlockWriter(path) as out:
        for line in lines:
            out.write(line)
    assert [line for block in read_blocks(path) for line in block] == lines
    assert (out.rows, out.bytes) == (len(lines), sum(map(len, lines)))
