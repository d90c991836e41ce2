"""Files and folders of shards that appear whole or not at all."""

from __future__ import annotations

import gzip
import hashlib
import json
import lzma
import os
import resource
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus_builder.errors import InputError
from corpus_builder.manifest import (
    MANIFEST_NAME,
    InputFile,
    Manifest,
    describe_inputs,
    read_manifest,
    steps,
    versions,
)
from corpus_builder.readers import find_inputs, read_rows
from corpus_builder.writers import AtomicWriter, ShardedWriter

ROOT = Path(__file__).resolve().parents[2]
UNPACK: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.decompress,
    ".zst": zstd.decompress,
    ".xz": lzma.decompress,
}
NAMES = [f"a.jsonl{ending}" for ending in UNPACK]
full_disk = pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="this system has no /dev/full")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_rows_come_out_as_they_went_in(tmp_path: Path, name: str) -> None:
    path = tmp_path / "neu" / name
    with AtomicWriter(path) as out:
        out.write_row({"text": "你好😀"})
        out.write_line("第二行")
    data = path.read_bytes()
    assert UNPACK[path.suffix if path.suffix != ".jsonl" else ""](data).decode() == (
        '{"text": "你好😀"}\n第二行\n'
    )
    assert out.rows == 2
    assert out.sha256 == hashlib.sha256(data).hexdigest()
    assert names(path.parent) == [name]


@pytest.mark.parametrize("ending", UNPACK)
def test_equal_content_is_equal_bytes(tmp_path: Path, ending: str) -> None:
    for name in ("a", "b"):
        with AtomicWriter(tmp_path / f"{name}{ending}") as out:
            out.write_line("同样的内容")
    assert (tmp_path / f"a{ending}").read_bytes() == (tmp_path / f"b{ending}").read_bytes()


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("name", NAMES)
def test_an_interrupted_write_leaves_the_old_file(
    tmp_path: Path, error: type[BaseException], name: str
) -> None:
    path = tmp_path / name
    path.write_bytes(b"old")
    with pytest.raises(error), AtomicWriter(path) as out:
        out.write_line("新")
        raise error
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == [name]


def test_nothing_stands_under_the_name_before_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with AtomicWriter(path) as out:
        out.write_line("一")
        assert not path.exists()
    assert path.exists()


def test_a_folder_that_cannot_be_made_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be written"), AtomicWriter(tmp_path / "file" / "a.jsonl"):
        pass
    with pytest.raises(InputError, match="cannot be written"), ShardedWriter(tmp_path / "file", "a"):
        pass


def test_what_is_no_ordinary_file_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="no ordinary file"), AtomicWriter(tmp_path / "folder"):
        pass
    assert (tmp_path / "folder").is_dir()


@full_disk
@pytest.mark.parametrize("name", NAMES)
def test_a_full_disk_is_an_input_error_that_says_so(tmp_path: Path, name: str) -> None:
    writer = AtomicWriter(tmp_path / name)
    # The temporary file is a link to the device that is always full.
    writer._temporary.symlink_to("/dev/full")
    message = f"{name}: the disk is full; free some space or choose another folder"
    with pytest.raises(InputError, match=message), writer as out:
        out.write_line("字" * 1_000_000)
    assert list(tmp_path.iterdir()) == []


LIMITED = """
import resource, signal, sys
from corpus_builder.errors import InputError
from corpus_builder.manifest import Manifest
from corpus_builder.writers import AtomicWriter, ShardedWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    if sys.argv[2] == "one":
        with AtomicWriter(sys.argv[1] + "/a.jsonl") as out:
            for i in range(100_000):
                out.write_line(str(i))
    else:
        with ShardedWriter(sys.argv[1], "a", bytes_per_shard=80_000, suffix=".txt") as out:
            for i in range(30_000):
                out.write_line(str(i) if i < 29_999 else "x" * 120_000)
            out.commit(Manifest(command="mix"))
except InputError as error:
    print(error)
"""


@pytest.mark.parametrize(("kind", "file"), [("one", "a.jsonl"), ("many", "a-00003.txt")])
def test_a_disk_that_takes_no_more_is_named_and_nothing_is_left(tmp_path: Path, kind: str, file: str) -> None:
    # The limit of the process's file size stands in for the disk's end; the error comes from the system.
    result = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path), kind],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert result.stdout == f"{tmp_path / file}: cannot be written (File too large); choose another place\n"
    assert list(tmp_path.iterdir()) == []


def write_shards(folder: Path, lines: list[str], **options: Any) -> Manifest:
    with ShardedWriter(folder, "句子", suffix=".txt", **options) as out:
        for line in lines:
            out.write_line(line)
        assert out.rows == len(lines)
        return out.commit(Manifest(command="mix"))


def contents(folder: Path) -> list[list[str]]:
    return [path.read_text("utf-8").splitlines() for path in find_inputs([folder])]


def test_shards_of_so_many_rows(tmp_path: Path) -> None:
    manifest = write_shards(tmp_path, ["一", "二", "三", "四", "五"], rows_per_shard=2)
    assert contents(tmp_path) == [["一", "二"], ["三", "四"], ["五"]]
    assert names(tmp_path) == [MANIFEST_NAME, *(f"句子-0000{i}-of-00003.txt" for i in range(3))]
    assert [shard.rows for shard in manifest.shards] == [2, 2, 1]
    assert manifest.rows == 5
    for shard in manifest.shards:
        data = (tmp_path / shard.file).read_bytes()
        assert (shard.bytes, shard.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert read_manifest(tmp_path) == manifest


def test_shards_of_so_many_bytes(tmp_path: Path) -> None:
    # A character is 3 bytes, a line end 1: two lines of one fit into 8, and a long one stays whole.
    write_shards(tmp_path, ["一", "二", "三", "四四四四", "五", "六"], bytes_per_shard=8)
    assert contents(tmp_path) == [["一", "二"], ["三"], ["四四四四"], ["五", "六"]]


def test_without_a_limit_there_is_one_shard_and_without_rows_none(tmp_path: Path) -> None:
    write_shards(tmp_path / "a", ["一"] * 100)
    assert names(tmp_path / "a") == [MANIFEST_NAME, "句子-00000-of-00001.txt"]
    assert write_shards(tmp_path / "b", []).shards == ()
    assert names(tmp_path / "b") == [MANIFEST_NAME]


@settings(deadline=None, max_examples=50)
@given(
    lines=st.lists(st.text("甲乙丙😀a", max_size=6), min_size=1, max_size=12),
    rows=st.none() | st.integers(1, 5),
    size=st.none() | st.integers(1, 30),
)
def test_shards_together_are_the_rows_and_each_keeps_the_limits(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], rows: int | None, size: int | None
) -> None:
    folder = tmp_path_factory.mktemp("any")
    manifest = write_shards(folder, lines, rows_per_shard=rows, bytes_per_shard=size)
    shards = [(folder / shard.file).read_text("utf-8").split("\n")[:-1] for shard in manifest.shards]
    assert [line for shard in shards for line in shard] == lines
    weights = [sum(len(line.encode()) + 1 for line in shard) for shard in shards]
    for shard, weight, following in zip(shards, weights, [*shards[1:], None], strict=True):
        assert 1 <= len(shard) <= (rows or len(lines))
        assert size is None or weight <= size or len(shard) == 1
        if following:  # full: the next line would not have fitted
            more = weight + len(following[0].encode()) + 1
            assert len(shard) == rows or (size is not None and more > size)


def test_rows_written_are_rows_read(tmp_path: Path) -> None:
    with ShardedWriter(tmp_path, "pairs", rows_per_shard=3) as out:
        for i in range(7):
            out.write_row({"text_a": f"甲{i}", "text_b": "乙", "score": 0.5, "source": "手写"})
        out.commit(Manifest(command="mix"))
    read = [(path.name, line, row.text_a) for path, line, row in read_rows([tmp_path], "pairs")]
    assert read == [(f"pairs-{i // 3:05d}-of-00003.jsonl.zst", i % 3 + 1, f"甲{i}") for i in range(7)]


def test_a_second_run_takes_the_place_of_the_first(tmp_path: Path) -> None:
    write_shards(tmp_path, ["旧"] * 5, rows_per_shard=1)
    write_shards(tmp_path, ["新"] * 2, rows_per_shard=1)
    assert contents(tmp_path) == [["新"], ["新"]]
    assert names(tmp_path) == [MANIFEST_NAME, *(f"句子-0000{i}-of-00002.txt" for i in range(2))]


def test_equal_runs_write_equal_folders(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        with ShardedWriter(tmp_path / folder, "x", rows_per_shard=2) as out:
            for i in range(5):
                out.write_row({"i": i})
            out.commit(Manifest(command="mix", seed=1, counts=steps({"rows": 5})))
    assert names(tmp_path / "a") == names(tmp_path / "b")
    for name in names(tmp_path / "a"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_run_that_fails_leaves_the_earlier_output(tmp_path: Path, error: type[BaseException]) -> None:
    write_shards(tmp_path, ["旧"])
    before = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}
    with pytest.raises(error), ShardedWriter(tmp_path, "句子", rows_per_shard=1) as out:
        out.write_line("新")
        out.write_line("新")
        raise error
    assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path)} == before


def test_no_shard_has_its_name_before_commit(tmp_path: Path) -> None:
    with ShardedWriter(tmp_path, "句子", rows_per_shard=1) as out:
        for line in ("一", "二", "三"):
            out.write_line(line)
        assert [name for name in names(tmp_path) if not name.startswith(".")] == []
        out.commit(Manifest(command="mix"))
    assert len(names(tmp_path)) == 4


def test_commit_must_not_be_forgotten(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"without commit"), ShardedWriter(tmp_path, "a") as out:
        out.write_line("一")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_holds_one_corpus(tmp_path: Path) -> None:
    write_shards(tmp_path / "a", ["一"])
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / MANIFEST_NAME).write_text('{"name": "a web page"}')
    for folder in ("a", "b"):
        with (
            pytest.raises(InputError, match="belongs to something else than 'pairs'; choose another folder"),
            ShardedWriter(tmp_path / folder, "pairs"),
        ):
            pass
    assert contents(tmp_path / "a") == [["一"]]


@pytest.mark.parametrize("name", ["", ".a", "a/b", "_a"])
def test_a_name_must_begin_a_file_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="must be the beginning of a file name"):
        ShardedWriter(tmp_path, name)
    with pytest.raises(InputError, match="rows_per_shard 0: must be at least 1"):
        ShardedWriter(tmp_path, "a", rows_per_shard=0)


KILLED = """
import sys, time
from corpus_builder.writers import AtomicWriter, ShardedWriter
folder = sys.argv[1]
with ShardedWriter(folder, "句子", rows_per_shard=1) as out, AtomicWriter(folder + "/b.txt") as other:
    out.write_line("新")
    out.write_line("新")
    other.write_line("新")
    print("ready", flush=True)
    time.sleep(600)
"""


def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path: Path) -> None:
    write_shards(tmp_path, ["旧"])
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    with AtomicWriter(tmp_path / "b.txt"):  # a run beside it takes nothing from it
        pass
    hidden = [name for name in names(tmp_path) if name.startswith(".")]
    assert len(hidden) == 2
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert contents(tmp_path) == [["旧"]]
    write_shards(tmp_path, ["新"])
    with AtomicWriter(tmp_path / "b.txt"):
        pass
    assert names(tmp_path) == ["b.txt", MANIFEST_NAME, "句子-00000-of-00001.txt"]


def test_a_manifest_says_what_was_read_and_done(tmp_path: Path) -> None:
    data = "第一行\n".encode()
    (tmp_path / "in.txt").write_bytes(data)
    counts = Counter({"sentences": 3})
    counts["pairs"] += 1
    manifest = Manifest(
        command="mine-answers",
        settings={"threshold": 0.5, "window": None, "exclude": ["valid.tsv"]},
        seed=7,
        inputs=describe_inputs([tmp_path / "in.txt"]),
        counts=steps(counts),
    )
    with ShardedWriter(tmp_path / "out", "a", suffix=".txt") as out:
        out.write_line("甲")
        out.commit(manifest)
    written = json.loads((tmp_path / "out" / MANIFEST_NAME).read_text("utf-8"))
    assert written == {
        "format": "corpus_builder/1",
        "command": "mine-answers",
        "versions": versions(),
        "settings": {"threshold": 0.5, "window": None, "exclude": ["valid.tsv"]},
        "seed": 7,
        "inputs": [
            {"path": str(tmp_path / "in.txt"), "bytes": 10, "sha256": hashlib.sha256(data).hexdigest()}
        ],
        "counts": [{"name": "sentences", "count": 3}, {"name": "pairs", "count": 1}],
        "shards": [
            {
                "file": "a-00000-of-00001.txt",
                "rows": 1,
                "bytes": 4,
                "sha256": hashlib.sha256("甲\n".encode()).hexdigest(),
            }
        ],
    }
    assert set(versions("pytest")) >= {"python", "numpy", "orjson", "backports.zstd", "pytest"}
    assert "no-such-package" not in versions("no-such-package")


def test_an_input_is_hashed_once_unless_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"x" * 50_000_000)
    first, cost = timed(path)
    again, second_cost = timed(path)
    assert again == first
    assert second_cost < cost / 5
    path.write_bytes(b"y" * 50_000_001)
    assert describe_inputs([path])[0].sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def timed(path: Path) -> tuple[tuple[InputFile, ...], float]:
    before = resource.getrusage(resource.RUSAGE_SELF)
    described = describe_inputs([path])
    after = resource.getrusage(resource.RUSAGE_SELF)
    return described, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_a_pipe_has_no_hash_and_a_missing_file_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert describe_inputs([tmp_path / "pipe"])[0].sha256 is None
    with pytest.raises(InputError, match=r"fehlt\.txt: cannot be read \(No such file"):
        describe_inputs([tmp_path / "fehlt.txt"])
