"""Run bert4keras's side in its own Python and read what it found."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np

MAXLEN = 64
PEER = Path(__file__).with_name("tokenizer_peer.py")


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


def peer_rows(python: str, texts: Path, vocabulary: Path, *, words: bool) -> dict[str, Rows]:
    """What bert4keras makes of the texts (a file of JSON strings): a name for each kind of result."""
    output = texts.with_suffix(".npz")
    command = [python, PEER, "ids", texts, vocabulary, str(MAXLEN), output, *(["--words"] if words else [])]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
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
