"""Running the program as a user does, within the test's process, so that Keras is loaded once."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest

from roformer_sim.cli import main


class Result(NamedTuple):
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """``cli("encode", "你好", stdin=b"")``: the whole program, from its arguments to its exit code."""

    def run(*arguments: object, stdin: bytes | None = b"") -> Result:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin or b""), encoding="utf-8"))
        if stdin is None:
            monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        return Result(int(end.value.code or 0), *capsys.readouterr())

    return run


@pytest.fixture
def refused(cli: Run) -> Callable[..., str]:
    """Run a command that must be refused: exit code 2, nothing on stdout, one line; returns that line."""

    def run(*arguments: object, stdin: bytes | None = b"") -> str:
        result = cli(*arguments, stdin=stdin)
        assert result.code == 2, result
        assert result.out == ""
        lines = result.err.splitlines()
        assert len(lines) == 1, result.err
        assert lines[0].startswith("error: ")
        return lines[0]

    return run
