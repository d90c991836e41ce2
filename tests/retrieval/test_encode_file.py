"""Files of sentences become files of vectors: any input, in blocks, gone on with after any end."""

from __future__ import annotations

import gzip
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from roformer_sim import InputError
from roformer_sim.retrieval import OutputDtype, stored_as
from roformer_sim.retrieval.encode_file import EncodingPlan, EncodingSummary, FileEncoding, SentenceFiles

TEXTS = [f"第{number}个问题{'很长' * (number % 7)}" for number in range(50)]


def vectors_of(texts: list[str]) -> np.ndarray:
    """Eight numbers that depend on the text alone."""
    values = [[hash_ % 251 - 125 for hash_ in _numbers(text)] for text in texts]
    return np.array(values, np.float32).reshape(len(texts), 8) / 125


def _numbers(text: str) -> list[int]:
    seed = sum(ord(character) * (place + 1) for place, character in enumerate(text))
    return [seed * (factor * factor + 3) + factor for factor in range(8)]


def encode(source: Path | tuple[Path, ...], output: Path, **options) -> EncodingSummary:
    run = {name: options.pop(name) for name in ("overwrite", "restart") if name in options}
    make = options.pop("encode", vectors_of)
    reading = {name: options.pop(name) for name in ("field", "jsonl") if name in options}
    files = SentenceFiles((source,) if isinstance(source, Path) else source, **reading)
    with FileEncoding(EncodingPlan(files, output, 8, **{"block_size": 7, **options}), **run) as job:
        return job.run(make)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "questions.txt"
    path.write_text("\n".join(TEXTS) + "\n", encoding="utf-8")
    return path


def test_every_kind_of_file_gives_the_same_rows(source: Path, tmp_path: Path) -> None:
    lines = [json.dumps({"id": i, "question": text}) for i, text in enumerate(TEXTS)]
    inputs = {
        "q.txt.gz": gzip.compress(source.read_bytes()),
        "q.jsonl": "\n".join(lines).encode(),
        "q.csv": ("id,question\n" + "".join(f'{i},"{t}"\n' for i, t in enumerate(TEXTS))).encode(),
        "q.tsv": ("question\tid\n" + "".join(f"{t}\t{i}\n" for i, t in enumerate(TEXTS))).encode(),
    }
    for name, content in inputs.items():
        (tmp_path / name).write_bytes(content)
        output = tmp_path / f"{name}.npy"
        summary = encode(tmp_path / name, output, field="question")
        assert (summary.rows, summary.shape) == (50, (50, 8))
        np.testing.assert_array_equal(np.load(output, allow_pickle=False), vectors_of(TEXTS), err_msg=name)


@pytest.mark.parametrize("dtype", list(OutputDtype))
def test_every_dtype_is_a_plain_array_file(source: Path, tmp_path: Path, dtype: OutputDtype) -> None:
    encode(source, tmp_path / "v.npy", dtype=dtype)
    found = np.load(tmp_path / "v.npy", mmap_mode="r", allow_pickle=False)
    expected = stored_as(vectors_of(TEXTS), dtype)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


def test_files_follow_one_another_and_empty_lines_keep_their_rows(source: Path, tmp_path: Path) -> None:
    more = tmp_path / "more.txt"
    more.write_text("广州\n\n深圳\n", encoding="utf-8")
    summary = encode((source, more), tmp_path / "v.npy")
    assert (summary.rows, summary.empty, summary.first_empty) == (53, 1, f"{more}, line 2")
    np.testing.assert_array_equal(np.load(tmp_path / "v.npy"), vectors_of([*TEXTS, "广州", "", "深圳"]))


def _killed(work: Callable[[], object], at: int) -> bool:
    """Whether ``work``, in a process of its own, met a ``kill -9`` at its so-manieth access of a file."""
    process = os.fork()
    if process == 0:
        left = at

        def hook(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal left
            if event in ("open", "os.rename", "os.remove", "os.truncate"):
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        try:
            sys.addaudithook(hook)
            work()
        finally:
            os._exit(0)
    return os.waitpid(process, 0)[1] == signal.SIGKILL


def test_killed_at_each_access_of_a_file_it_ends_with_the_same_bytes(source: Path, tmp_path: Path) -> None:
    encode(source, tmp_path / "whole.npy", block_size=20)
    whole = (tmp_path / "whole.npy").read_bytes()
    at, killed = 0, True
    while killed:
        at += 1
        output = tmp_path / str(at) / "v.npy"
        killed = _killed(lambda output=output: encode(source, output, block_size=20), at)
        unfinished = not output.exists() or output.with_name("v.npy.partial.state").exists()
        if unfinished:
            assert encode(source, output, block_size=20).rows == 50
        assert {path.name: path.read_bytes() for path in output.parent.iterdir()} == {"v.npy": whole}
    assert at > 10  # it was stopped at every step


@pytest.fixture
def unfinished(source: Path, tmp_path: Path) -> Path:
    """The output of a run that ended after two blocks."""
    blocks = []

    def twice(texts: list[str]) -> np.ndarray:
        if len(blocks) == 2:
            raise KeyboardInterrupt
        blocks.append(texts)
        return vectors_of(texts)

    with pytest.raises(KeyboardInterrupt):
        encode(source, tmp_path / "v.npy", encode=twice, settings={"pooling": "P1"})
    assert not (tmp_path / "v.npy").exists()
    return tmp_path / "v.npy"


def test_what_is_done_is_not_done_again(source: Path, unfinished: Path) -> None:
    seen: list[str] = []

    def watched(texts: list[str]) -> np.ndarray:
        seen.extend(texts)
        return vectors_of(texts)

    summary = encode(source, unfinished, encode=watched, settings={"pooling": "P1"})
    assert summary.resumed_at == 14 and seen == TEXTS[14:]
    np.testing.assert_array_equal(np.load(unfinished), vectors_of(TEXTS))


def test_another_run_than_the_unfinished_one_is_refused_unless_it_begins_anew(source, unfinished) -> None:
    for options, message in [
        ({"settings": {"pooling": "P2"}}, "pooling 'P1', not 'P2'.*--restart"),
        ({"settings": {"pooling": "P1"}, "dtype": OutputDtype.INT8}, "dtype 'float32', not 'int8'"),
    ]:
        with pytest.raises(InputError, match=message):
            encode(source, unfinished, **options)
    source.write_text("别的问题\n", encoding="utf-8")
    with pytest.raises(InputError, match="another input"):
        encode(source, unfinished, settings={"pooling": "P1"})
    assert encode(source, unfinished, restart=True).rows == 1


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"", r"a\.txt.*empty"),
        ("a.jsonl", b"\n", r"a\.jsonl: no sentence"),
        ("a.txt", "广州\n".encode() + b"\xff\xfe\n", r"a\.txt, line 2: .*UTF-8"),
        (
            "a.jsonl",
            '{"text": "广州"}\n{"text": 3}\n'.encode(),
            r'a\.jsonl, line 2: .*"text" must hold strings',
        ),
        ("a.jsonl", '{"text": "广州"}\n{"texts": "深圳"}\n'.encode(), r'a\.jsonl, line 2: .*"text"'),
        ("a.jsonl", b'{"text": \n', r"a\.jsonl, line 1: "),
        ("a.csv", "question\n广州\n".encode(), r'a\.csv, line 1: the column "text" is missing.*--field'),
        ("a.tsv", "text\tid\n广州\t1\n深圳\n".encode(), r"a\.tsv, line 3: "),
        ("a.parquet", b"PAR1", "Parquet is not read here"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_place_and_nothing_is_left(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        encode(tmp_path / name, tmp_path / "v.npy")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_an_output_that_is_there_is_kept_unless_told_otherwise(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "v.npy"
    output.write_bytes(b"old")
    with pytest.raises(InputError, match="is there already; --overwrite"):
        encode(source, output)
    assert output.read_bytes() == b"old"
    assert encode(source, output, overwrite=True).rows == 50
    assert np.load(output).shape == (50, 8)


def test_vectors_that_are_none_are_refused(source: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the vector of row 0 is not finite"):
        encode(source, tmp_path / "v.npy", encode=lambda texts: np.full((len(texts), 8), np.nan))
    with pytest.raises(InputError, match=r"shape \(7, 9\), not \(7, 8\)"):
        encode(source, tmp_path / "v.npy", encode=lambda texts: np.zeros((len(texts), 9)))
