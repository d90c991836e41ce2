"""Which files are meant: globs, folders, folders with a manifest; and files too large for memory."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest

from corpus_builder.errors import InputError
from corpus_builder.manifest import MANIFEST_NAME, Manifest, Shard, read_manifest
from corpus_builder.readers import RowError, find_inputs, format_of, read_lines, read_rows, source_of
from corpus_builder.writers import ShardedWriter

ROOT = Path(__file__).resolve().parents[2]


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text('{"text": "甲"}\n', "utf-8")


def found(folder: Path, *patterns: str) -> list[str]:
    return [str(path.relative_to(folder)) for path in find_inputs([folder / pattern for pattern in patterns])]


def test_files_keep_their_order_and_come_once(tmp_path: Path) -> None:
    touch(tmp_path, "b.jsonl", "a.jsonl", "c.md", "x[1].jsonl")
    assert found(tmp_path, "b.jsonl", "*.jsonl", "c.md") == ["b.jsonl", "a.jsonl", "x[1].jsonl", "c.md"]
    assert found(tmp_path, "x[1].jsonl") == ["x[1].jsonl"]  # a name, not a pattern, if there is such a file


def test_a_folder_is_its_files_with_known_endings_sorted(tmp_path: Path) -> None:
    touch(
        tmp_path,
        *(
            "书/b.jsonl.gz",
            "书/a.txt",
            "书/z/c.parquet",
            "书/y.tsv.zst",
            "书/x.csv.xz",
            "书/w.ndjson",
            "书/v.json",
        ),
        *("书/SOURCE.md", "书/.hidden.jsonl", "书/_SUCCESS", "书/out.rejects.jsonl", "书/.git/d.jsonl"),
        *("书/c.parquet.gz", "书/notes"),
    )
    expected = ["a.txt", "b.jsonl.gz", "v.json", "w.ndjson", "x.csv.xz", "y.tsv.zst", "z/c.parquet"]
    assert found(tmp_path, "书") == [f"书/{name}" for name in expected]
    assert found(tmp_path, "*") == found(tmp_path, "书")
    (tmp_path / "书" / "loop").symlink_to(tmp_path / "书", target_is_directory=True)
    assert found(tmp_path, "书") == [f"书/{name}" for name in expected]


def test_what_cannot_be_found_is_named(tmp_path: Path) -> None:
    touch(tmp_path, "书/SOURCE.md")
    with pytest.raises(InputError, match=r"fehlt\.jsonl: there is no such file"):
        find_inputs([tmp_path / "fehlt.jsonl"])
    with pytest.raises(InputError, match=r"\*\.gz: no file matches this pattern"):
        find_inputs([tmp_path / "*.gz"])
    with pytest.raises(InputError, match=r"书: the folder holds no file with a known ending \(\.jsonl, .*\)"):
        find_inputs([tmp_path / "书"])
    with pytest.raises(InputError, match="no file with a known ending"):
        find_inputs([tmp_path / "*"])


def test_the_ending_says_the_format() -> None:
    assert format_of("a.jsonl.xz") == format_of("a.json") == "JSON lines"
    assert format_of("a.tsv.gz") == "TSV"
    assert format_of("a.parquet") == "Parquet"
    assert format_of("a.parquet.gz") is format_of("a.md") is format_of("a") is None


def test_rows_are_numbered_file_by_file(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("一\n\n二\n", "utf-8")
    (tmp_path / "a.jsonl").write_text('{"text": "三"}\n', "utf-8")
    read = [(path.name, line, row) for path, line, row in read_rows([tmp_path], "texts")]
    assert read == [("a.jsonl", 1, "三"), ("b.txt", 1, "一"), ("b.txt", 3, "二")]


def write_shards(folder: Path, count: int = 3) -> Manifest:
    with ShardedWriter(folder, "知道", rows_per_shard=2) as out:
        for i in range(2 * count):
            out.write_row({"text": f"第{i}句", "synonyms": []})
        return out.commit(Manifest(command="mix"))


def test_a_folder_with_a_manifest_is_its_shards(tmp_path: Path) -> None:
    write_shards(tmp_path)
    touch(tmp_path, "extra.jsonl")
    assert found(tmp_path, ".") == [f"知道-0000{i}-of-00003.jsonl.zst" for i in range(3)]
    rows = [row for _, _, row in read_rows([tmp_path], "groups")]
    assert [row.text for row in rows] == [f"第{i}句" for i in range(6)]
    assert {row.source for row in rows} == {"知道"}
    assert source_of("知道-00001-of-00003.jsonl.zst") == "知道"


def test_a_shard_that_is_missing_or_cut_off_is_noticed(tmp_path: Path) -> None:
    shard = write_shards(tmp_path).shards[1]
    path = tmp_path / shard.file
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(
        InputError, match=rf"has {shard.bytes - 1} bytes, {shard.bytes} according to manifest"
    ):
        find_inputs([tmp_path])
    path.unlink()
    with pytest.raises(InputError, match=rf"{shard.file}: is named in manifest\.json and missing"):
        find_inputs([tmp_path])


def test_part_of_a_set_of_shards_without_a_manifest_is_refused(tmp_path: Path) -> None:
    write_shards(tmp_path)
    (tmp_path / MANIFEST_NAME).unlink()
    assert len(find_inputs([tmp_path])) == 3
    (tmp_path / "知道-00001-of-00003.jsonl.zst").unlink()
    with pytest.raises(
        InputError, match=r"holds 2 of the 3 shards 知道-\*-of-00003\.jsonl\.zst and no manifest"
    ):
        find_inputs([tmp_path])
    assert len(find_inputs([tmp_path / "*.zst"])) == 2


def test_a_manifest_of_another_program_is_just_a_file(tmp_path: Path) -> None:
    touch(tmp_path, "a.jsonl")
    (tmp_path / MANIFEST_NAME).write_text('{"name": "a web page"}', "utf-8")
    assert found(tmp_path, ".") == ["a.jsonl"]


def test_a_damaged_manifest_is_an_error(tmp_path: Path) -> None:
    manifest = tmp_path / MANIFEST_NAME
    for content, reason in [
        ('{"format": "corpus_buil', "the manifest is damaged"),
        ('{"format": "corpus_builder/1"}', "is no manifest of corpus-builder (command: Field required)"),
    ]:
        manifest.write_text(content, "utf-8")
        with pytest.raises(InputError) as caught:
            find_inputs([tmp_path])
        assert str(caught.value).startswith(f"{manifest}: ")
        assert reason in str(caught.value)
    with pytest.raises(InputError, match="cannot be read"):
        read_manifest(tmp_path / "nirgends")


def test_a_manifest_names_files_beside_it_alone(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must be the name of a file beside the manifest"):
        Shard(file="../a.jsonl", rows=1, bytes=1, sha256="")


PEAK = """
import re, sys
from pathlib import Path
from corpus_builder.readers import read_rows
def peak():  # not ru_maxrss, which begins with that of the process that started this one
    return int(re.search("VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
before = peak()
rows, rejected = 0, []
for _ in read_rows([sys.argv[1]], "texts", on_reject=rejected.append):
    rows += 1
print(rows, len(rejected), (peak() - before) // 1024)
"""


def read_in_a_process_of_its_own(path: Path) -> tuple[int, int, int]:
    """Rows, rejects, and by how many MB the process grew."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        [sys.executable, "-c", PEAK, str(path)], check=True, capture_output=True, text=True, env=environment
    )
    rows, rejected, grown = map(int, result.stdout.split())
    return rows, rejected, grown


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells the peak")
def test_a_large_file_is_read_in_little_memory(tmp_path: Path) -> None:
    row = b'{"text": "' + "这是一个很长的文件里的一行。".encode() * 24 + b'"}\n'
    block = gzip.compress(row * 10_000)  # 10 MB; the members of a gzip file follow one another
    (tmp_path / "a.jsonl.gz").write_bytes(block * 10)
    rows, rejected, grown = read_in_a_process_of_its_own(tmp_path / "a.jsonl.gz")
    assert (rows, rejected) == (100_000, 0)
    assert grown < 30


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells the peak")
def test_a_line_of_any_length_is_rejected_in_bounded_memory(tmp_path: Path) -> None:
    endless = gzip.compress(b"x" * 40_000_000) * 5  # 200 MB without a line end
    ends = [gzip.compress('{"text": "前"}\n'.encode()), gzip.compress('\n{"text": "后"}'.encode())]
    (tmp_path / "a.jsonl.gz").write_bytes(ends[0] + endless + ends[1])
    rows, rejected, grown = read_in_a_process_of_its_own(tmp_path / "a.jsonl.gz")
    assert (rows, rejected) == (2, 1)
    assert grown < 100


def test_the_limit_of_a_line_is_64_mb(tmp_path: Path) -> None:
    limit = 64 * 2**20
    (tmp_path / "a.txt").write_bytes(b"x" * limit + b"\n" + b"y" * (limit + 1) + b"\nz")
    rejected: list[RowError] = []
    read = [(number, len(line)) for number, line in read_lines(tmp_path / "a.txt", rejected.append)]
    assert read == [(1, limit), (3, 1)]
    assert [(error.line, error.reason) for error in rejected] == [
        (2, "the line is longer than 64 MB (67,108,865 bytes); one row a line is expected")
    ]
