"""Everything that can be wrong, each with its message; nothing is left behind."""

from __future__ import annotations

import fcntl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from corpus_builder.errors import InputError
from corpus_builder.manifest import Manifest
from corpus_builder.mixing import Mixing, mix
from corpus_builder.writers import ShardedWriter

Rows = list[dict[str, Any]]
Write = Callable[[str, Rows], Path]
Make = Callable[[int], Rows]


@pytest.fixture
def inputs(write: Write, groups: Make, pairs: Make) -> tuple[Path, Path]:
    return write("q.jsonl", groups(4)), write("g.jsonl", pairs(4))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"text": "甲"}, 'the field "synonyms" is missing; the row has: text'),
        ({"text_a": "甲"}, 'the field "text_b" is missing; the row has: text_a'),
        ({"question": "甲"}, 'the field "text" (or "text_a") is missing; the row has: question'),
        (
            {"text": "甲", "synonyms": ["乙"], "text_a": "甲", "text_b": "乙"},
            "the row is a group (text, synonyms) and a pair (text_a, text_b) at once; which is meant?",
        ),
        ({"text": "甲", "synonyms": "乙"}, 'the field "synonyms" must be a list of strings, found a string'),
        ({"text_a": "甲", "text_b": 2}, 'the field "text_b" must hold strings, found a number'),
        (
            {"text_a": "甲", "text_b": "乙", "score": "高"},
            'the field "score" must be a number, found a string',
        ),
        (
            {"text_a": "甲", "text_b": "乙", "origin": [1]},
            'the field "origin" must be a string or a whole number of 64 bits, found a list',
        ),
        (
            {"text_a": "甲", "text_b": "乙", "origin": 2**70},
            'the field "origin" must be a string or a whole number of 64 bits, found a number',
        ),
        (
            {"text_a": "甲", "text_b": "乙", "source": 3},
            'the field "source" must hold strings, found a number',
        ),
    ],
)
@pytest.mark.parametrize("side", [0, 1])
def test_a_bad_row_is_named_with_file_and_line(
    tmp_path: Path, inputs: tuple[Path, Path], write: Write, pairs: Make, row: Any, reason: str, side: int
) -> None:
    bad = write("bad.jsonl", [*pairs(2), row])
    sides = [[inputs[0]], [inputs[1]]]
    sides[side].append(bad)
    before = names(tmp_path)
    with pytest.raises(InputError) as caught:
        mix(*sides, tmp_path / "out")
    assert str(caught.value) == f"{bad}, line 3: {reason}"
    assert names(tmp_path) == before


def test_an_empty_side(tmp_path: Path, inputs: tuple[Path, Path], write: Write) -> None:
    lonely = write("lonely.jsonl", [{"text": "一个人。", "synonyms": []}] * 3)
    before = names(tmp_path)
    with pytest.raises(InputError, match=r"lonely.jsonl: no general row is left of 3; give others"):
        mix([inputs[0]], [lonely], tmp_path / "out")
    with pytest.raises(InputError, match=r"lonely.jsonl: no question row is left of 3; give others"):
        mix([lonely], [inputs[1]], tmp_path / "out")
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(InputError, match=r"empty.jsonl: the file is empty"):
        mix([tmp_path / "empty.jsonl"], [inputs[1]], tmp_path / "out")
    with pytest.raises(InputError, match="no file"):
        mix([], [inputs[1]], tmp_path / "out")
    (tmp_path / "empty.jsonl").unlink()
    assert names(tmp_path) == before


def test_a_file_on_both_sides_whatever_it_is_called(tmp_path: Path, inputs: tuple[Path, Path]) -> None:
    (tmp_path / "link.jsonl").symlink_to(inputs[0])
    for other in (inputs[0], tmp_path / "link.jsonl", tmp_path / "." / "q*.jsonl"):
        with pytest.raises(InputError, match="is given as questions and as general sentences; give it once"):
            mix([inputs[0]], [inputs[1], other], tmp_path / "out")


def test_an_input_is_never_overwritten(tmp_path: Path, inputs: tuple[Path, Path], write: Write) -> None:
    with pytest.raises(InputError, match="is an input, and would be overwritten by the output"):
        mix([inputs[0]], [inputs[1]], inputs[1])
    inside = write("out/q.jsonl", [{"text": "甲", "synonyms": ["乙"]}])
    with pytest.raises(InputError, match="is an input, and would be overwritten by the output"):
        mix([inside], [inputs[1]], tmp_path / "out")


def test_an_output_that_cannot_be_written(tmp_path: Path, inputs: tuple[Path, Path]) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder.jsonl").mkdir()
    with pytest.raises(InputError, match="file: is not a folder; choose another output"):
        mix([inputs[0]], [inputs[1]], tmp_path / "file")
    with pytest.raises(InputError, match=r"folder.jsonl: is not an ordinary file; choose another output"):
        mix([inputs[0]], [inputs[1]], tmp_path / "folder.jsonl")
    with pytest.raises(InputError, match="cannot be written"):
        mix([inputs[0]], [inputs[1]], tmp_path / "file" / "out")
    with ShardedWriter(tmp_path / "other", "pairs") as out:
        out.write_line("{}")
        out.commit(Manifest(command="mine-documents"))
    with pytest.raises(InputError, match="belongs to something else than 'mix'"):
        mix([inputs[0]], [inputs[1]], tmp_path / "other")


def test_two_runs_with_one_output_do_not_meet(tmp_path: Path, inputs: tuple[Path, Path]) -> None:
    (tmp_path / ".out.unfinished").mkdir()
    with (tmp_path / ".out.unfinished" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(
            InputError, match="out: another run is writing it; wait, or choose another output"
        ):
            mix([inputs[0]], [inputs[1]], tmp_path / "out")
        assert names(tmp_path / ".out.unfinished") == ["lock"]
    mix([inputs[0]], [inputs[1]], tmp_path / "out")
    assert names(tmp_path) == ["g.jsonl", "out", "q.jsonl"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rows_per_shard": 0}, "rows_per_shard 0: must be at least 1"),
        ({"memory_mb": 15}, "memory_mb 15: must be at least 16"),
        ({"exclude": ["fehlt.tsv"]}, "fehlt.tsv: there is no such file"),
        ({"encoding": "big5"}, "encoding 'big5': must be one of utf-8, gb18030, auto"),
        ({"fields": {"answer": "x"}}, "fields: groups or pairs have no 'answer'"),
    ],
)
def test_options_that_make_no_sense(
    tmp_path: Path, inputs: tuple[Path, Path], options: dict[str, Any], message: str
) -> None:
    before = names(tmp_path)
    with pytest.raises(InputError, match=message):
        mix([inputs[0]], [inputs[1]], tmp_path / "out", Mixing(), **options)
    assert names(tmp_path) == before


def test_an_unknown_shortage() -> None:
    with pytest.raises(InputError, match="shortage 'half': must be drop or repeat"):
        Mixing(1.0, "half")  # type: ignore[arg-type]
