"""Killed at any point and started again, a run ends with the output of one that was never stopped.

``ROFORMER_SIM_KILLS=10`` kills it at ten moments, otherwise at five; ``KILL_SEED`` repeats them.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from corpus_builder.errors import InputError
from corpus_builder.exclusion import Exclusion
from corpus_builder.miners import run
from corpus_builder.miners.run import Mining, mine
from corpus_builder.miners.sentences import TextGroup
from corpus_builder.rules import Rules

ROOT = Path(__file__).resolve().parents[2]
SUBJECTS = ["天气", "电影", "手机", "空调", "面条", "房子", "老师", "火车", "医生", "衣服", "电脑", "公园"]
WORDS = re.findall("..", "今天昨天觉得真的非常有点不错便宜舒服难看合适热闹安静喜欢推荐修理打算需要听说附近")
OUTPUT = "pairs.jsonl.gz"
KILLS = min(10, max(5, int(os.environ.get("ROFORMER_SIM_KILLS", "5"))))
SECONDS = 120  # for a run on a busy machine


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Documents whose sentences resemble one another, some sentences in many of them, some rows broken."""
    rng = random.Random(0)
    path = tmp_path_factory.mktemp("documents") / "docs.jsonl"
    with path.open("w", encoding="utf-8") as out:
        for number in range(4000):
            subject = rng.choice(SUBJECTS)
            words = rng.sample(WORDS, 8)
            sentences = [f"{subject}{''.join(rng.sample(words, 5))}。" for _ in range(20)]
            text = "".join([*sentences, "欢迎下次再来看看。"])
            row = {"doc_id": str(number), "text": text} if number % 500 else {"doc_id": str(number)}
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
    return path


class Miner:
    """A run of the command in two worker processes, in a session of its own so that all of it can be killed.

    Args:
        documents: What it mines.
        folder: Where it writes.
    """

    def __init__(self, documents: Path, folder: Path) -> None:
        self.folder = folder
        options = ["--threshold", "0.6", "--max-partners", "20", "--on-error", "skip", "--processes", "2"]
        command = (sys.executable, "-m", "corpus_builder.cli", "mine-documents")
        self.process = subprocess.Popen(
            [*command, str(documents), "-o", str(folder / OUTPUT), *options],
            env={**os.environ, "PYTHONPATH": str(ROOT), "CORPUS_BUILDER_CHUNK_CHARACTERS": "40000"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def pieces(self) -> dict[str, int]:
        """The finished pieces and when they were."""
        found = {}
        for path in self.folder.glob(".*.unfinished/[0-9]*.npz"):
            with contextlib.suppress(FileNotFoundError):  # the run ends and removes them meanwhile
                found[path.name] = path.stat().st_mtime_ns
        return found

    def written(self) -> int:
        """Bytes of the output so far, under whatever name."""
        sizes = [path.stat().st_size for path in files(self.folder) if OUTPUT in path.name]
        return max(sizes, default=0)

    def kill_at(self, moment: Moment) -> None:
        """``kill -9`` of all its processes."""
        until = time.monotonic() + SECONDS
        while len(self.pieces()) < moment.pieces or self.written() < moment.bytes:
            assert self.process.poll() is None, "the run was done before it could be killed"
            assert time.monotonic() < until, "the moment did not come"
            time.sleep(0.001)
        time.sleep(moment.delay)
        os.killpg(self.process.pid, signal.SIGKILL)
        assert self.process.wait() == -signal.SIGKILL, "the run was done before it could be killed"

    def finish(self) -> None:
        assert self.process.wait(SECONDS) == 0, self.process.stderr.read() if self.process.stderr else ""


def files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_file()]


def contents(folder: Path) -> dict[str, bytes]:
    """Everything that is left in the folder."""
    assert not [path for path in folder.iterdir() if path.is_dir()]
    return {path.name: path.read_bytes() for path in files(folder)}


class Moment(NamedTuple):
    """When a run is killed: so many finished pieces, bytes of output, and then seconds later."""

    phase: str
    pieces: int = 0
    bytes: int = 0
    delay: float = 0.0


def moments(rng: random.Random, pieces: int, size: int) -> list[Moment]:
    """Moments in the order in which a run comes to them: more while it compares than while it writes."""
    writing = (KILLS - 1) // 3
    return [
        Moment("starting", delay=rng.uniform(0.0, 1.0)),
        *(
            Moment("comparing", pieces=least, delay=rng.uniform(0.0, 0.05))
            for least in sorted(rng.sample(range(1, pieces), KILLS - 2 - writing))
        ),
        Moment("comparing", pieces=pieces),
        *(
            Moment("writing", pieces=pieces, bytes=int(share * size))
            for share in sorted(rng.uniform(0.02, 0.6) for _ in range(writing))
        ),
    ]


def test_kill_9_at_random_moments(documents: Path, tmp_path: Path) -> None:
    seed = int(os.environ.get("KILL_SEED", random.SystemRandom().randrange(10**6)))
    print(f"KILL_SEED={seed}")
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder in (whole, killed):
        folder.mkdir()
    miner = Miner(documents, whole)
    pieces = 0
    while miner.process.poll() is None:
        pieces = max(pieces, len(miner.pieces()))
        time.sleep(0.001)
    miner.finish()
    expected = contents(whole)
    assert set(expected) == {OUTPUT, f"{OUTPUT}.manifest.json", "pairs.rejects.jsonl"}
    assert pieces >= 12

    kept: dict[str, int] = {}
    for moment in moments(random.Random(seed), pieces, len(expected[OUTPUT])):
        miner = Miner(documents, killed)
        miner.kill_at(moment)
        finished = miner.pieces()
        done = f"{len(finished)} of {pieces} pieces, {miner.written():,} bytes written"
        print(f"killed while {moment.phase}: {done}")
        assert not (killed / OUTPUT).exists()
        # No piece is done twice.
        assert kept.items() <= finished.items()
        kept = finished
    Miner(documents, killed).finish()
    assert contents(killed) == expected


@pytest.mark.parametrize("change", ["benchmark", "chunks", "threshold"])
def test_pieces_of_another_run_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    groups = [TextGroup(("今天天气真的不错。今天的天气真不错。",), "报纸", str(n)) for n in range(3)]

    def begin(threshold: float = 0.5, benchmark: str = "明天见面吧") -> None:
        pairs = mine(
            groups, Mining(threshold, "set", Rules()), tmp_path, {}, Exclusion([benchmark]), Counter()
        )
        next(pairs)  # everything is compared, and the pieces stay

    begin()
    begin()
    if change == "chunks":
        monkeypatch.setattr(run, "CHUNK_CHARACTERS", 10)
    with pytest.raises(InputError, match="unfinished work of another run"):
        # Another benchmark with as many texts; another size of the pieces; another threshold.
        begin(0.6 if change == "threshold" else 0.5, "后天见面吧" if change == "benchmark" else "明天见面吧")
