"""bert4keras's side, running in its own Python, and what it finds."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np

MAXLEN = 64
PEER = Path(__file__).with_name("tokenizer_peer.py")


class Peer:
    """``tokenizer_peer.py`` as a process that answers line by line.

    Args:
        python: a Python that has bert4keras.
        arguments: of the script.
    """

    def __init__(self, python: str, arguments: Sequence[str | Path]) -> None:
        self._process = subprocess.Popen(
            [python, PEER, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        while self._line() != "ready":
            continue

    def ask(self, line: str = "") -> str:
        """Send a line, wait for its answer."""
        assert self._process.stdin
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._line()

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    def _line(self) -> str:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("error: the peer ended; has its Python bert4keras and a Keras it can run on?")
        return line.strip()


class Rows:
    """Rows of integers of different lengths."""

    def __init__(self, values: np.ndarray, lengths: np.ndarray) -> None:
        self._values = values
        self._bounds = np.append(0, np.cumsum(lengths))

    def __len__(self) -> int:
        return len(self._bounds) - 1

    def __getitem__(self, row: int) -> list[int]:
        if row >= len(self):
            raise IndexError(row)
        return self._values[self._bounds[row] : self._bounds[row + 1]].tolist()


def peer_rows(peer: Peer, texts: Path, vocabulary: Path, *, words: bool) -> dict[str, Rows]:
    """What bert4keras makes of the texts (a file of JSON strings): a name for each kind of result."""
    output = texts.with_suffix(".npz")
    peer.ask(
        json.dumps({"texts": str(texts), "vocab": str(vocabulary), "words": words, "output": str(output)})
    )
    with np.load(output, allow_pickle=False) as found:
        names = [name.removesuffix("_values") for name in found.files if name.endswith("_values")]
        return {name: Rows(found[f"{name}_values"], found[f"{name}_lengths"]) for name in names}


def peer_versions(python: str) -> dict[str, str]:
    """Versions of what the peer runs on."""
    program = (
        "import importlib.metadata as m, json, unicodedata; "
        "found = {n: m.version(n) for n in ('bert4keras', 'jieba', 'numpy')}; "
        "print(json.dumps(found | {'unicode': unicodedata.unidata_version}))"
    )
    done = subprocess.run([python, "-c", program], check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout))
