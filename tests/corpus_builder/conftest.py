"""An interpreter that runs the commands without loading everything anew."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import forked_commands
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def forking_python() -> Iterator[Path]:
    """An interpreter that has loaded the commands already."""
    with tempfile.TemporaryDirectory() as folder:  # a socket's address is at most some hundred bytes long
        address, path = Path(folder, "socket"), Path(folder, "python")
        program = [sys.executable, forked_commands.__file__, str(address)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(program, env=environment, stdout=subprocess.DEVNULL) as server:
            while not address.exists():
                assert server.poll() is None
                time.sleep(0.01)
            quick = [sys.executable, "-I", "-S", *program[1:]]  # the caller needs nothing but sockets
            path.write_text(f'#!/bin/sh\nexec {shlex.join(quick)} "$@"\n', "utf-8")
            path.chmod(0o755)
            yield path
            server.kill()
