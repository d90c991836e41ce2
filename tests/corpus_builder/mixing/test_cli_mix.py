"""``corpus-builder mix`` as a user meets it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
Rows = list[dict[str, Any]]
Write = Callable[[str, Rows], Path]
Read = Callable[[Path], Rows]
Make = Callable[[int], Rows]
COMMAND = [sys.executable, "-m", "corpus_builder.cli", "mix"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120", "TERM": "xterm"}


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        check=False,
        capture_output=True,
        env=ENVIRONMENT,
        encoding="utf-8",
    )


@pytest.fixture
def sides(write: Write, groups: Make, pairs: Make) -> list[object]:
    first, second = write("d1.jsonl", pairs(30)), write("d2.jsonl", pairs(20))
    return ["--questions", write("q.jsonl", groups(20)), "--general", first, "--general", second]


def test_help_has_examples_and_every_option() -> None:
    result = run("--help")
    assert result.returncode == 0
    assert "corpus-builder mix --questions groups.jsonl.gz --general answers.jsonl.gz" in result.stdout
    for option in (
        "--ratio",
        "--shortage",
        "--seed",
        "--rows-per-shard",
        "--memory",
        "--exclude",
        "--dry-run",
    ):
        assert option in result.stdout


def test_the_summary_says_what_was_dropped_and_what_repeated(
    tmp_path: Path, sides: list[object], read: Read
) -> None:
    result = run(*sides, "-o", tmp_path / "out", "--ratio", "2", "--seed", "7", "--rows-per-shard", "25")
    assert result.returncode == 0, result.stderr
    assert "          10  general rows dropped: too many for the ratio\n" in result.stdout
    assert "          40  rows written: general\n" in result.stdout
    assert len(list((tmp_path / "out").glob("mix-*"))) == 3
    assert len(read(tmp_path / "out")) == 60
    again = run(*sides, "-o", tmp_path / "r.jsonl.gz", "--ratio", "2", "--shortage", "repeat", "--json")
    summary = json.loads(again.stdout)
    assert summary["counts"]["repeated question rows: too few for the ratio"] == 5
    assert summary["counts"]["rows written"] == len(read(tmp_path / "r.jsonl.gz")) == 75
    assert summary["settings"]["shortage"] == "repeat"


def test_a_dry_run_says_so(tmp_path: Path, sides: list[object]) -> None:
    result = run(*sides, "-o", tmp_path / "out", "--dry-run")
    assert result.returncode == 0
    assert "          30  general rows dropped: too many for the ratio\n" in result.stdout
    assert "dry run, nothing was written" in result.stdout
    assert not (tmp_path / "out").exists()


def test_wrong_use_is_one_line_and_exit_code_2(tmp_path: Path, sides: list[object]) -> None:
    out = tmp_path / "out"
    for arguments, words in [
        ([*sides, "-o", out, "--ratio", "0"], "ratio 0.0: must be a number above 0"),
        ([*sides, "-o", out, "--ratio", "nan"], "ratio nan: must be a number above 0"),
        ([*sides, "-o", out, "--shortage", "half"], "--shortage"),
        ([*sides, "-o", out, "--memory", "1"], "--memory"),
        ([*sides, "-o", out, "--general", sides[1]], "give it once"),
        ([*sides, "-o", out, "--general", tmp_path / "fehlt.jsonl"], "there is no such file"),
        (sides, "--output"),
        ([*sides[2:], "-o", out], "--questions"),
    ]:
        result = run(*arguments)
        assert (result.returncode, result.stdout) == (2, "")
        assert result.stderr.startswith("error: ")
        assert result.stderr.count("\n") == 1
        assert words in result.stderr
    assert not out.exists()


def test_a_terminal_sees_rows_a_second_and_the_time_that_remains(
    tmp_path: Path, write: Write, groups: Make, pairs: Make
) -> None:
    questions, general = write("many.jsonl", groups(40_000)), write("more.jsonl", pairs(40_000))
    here, there = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "--questions", questions, "--general", general, "-o", tmp_path / "out"],
        stdout=subprocess.DEVNULL,
        stderr=there,
        env=ENVIRONMENT,
    )
    os.close(there)
    seen = b""
    try:
        while piece := os.read(here, 65536):
            seen += piece
    except OSError:  # how Linux says that nobody writes any more
        pass
    os.close(here)
    assert process.wait() == 0
    assert b"Traceback" not in seen
    assert b"mix: reading" in seen
    assert b"rows/s" in seen
