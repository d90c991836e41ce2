"""Killed at any point and started again, a run ends with the output of one that was never stopped."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SUBJECTS = ["天气", "电影", "手机", "空调", "面条", "房子", "老师", "火车", "医生", "衣服", "电脑", "公园"]
WORDS = re.findall("..", "今天昨天觉得真的非常有点不错便宜舒服难看合适热闹安静喜欢推荐修理打算需要听说附近")


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Documents whose sentences resemble one another, some sentences in many of them."""
    rng = random.Random(0)
    path = tmp_path_factory.mktemp("documents") / "docs.jsonl"
    with path.open("w", encoding="utf-8") as out:
        for number in range(2500):
            subject = rng.choice(SUBJECTS)
            words = rng.sample(WORDS, 8)
            sentences = [f"{subject}{''.join(rng.sample(words, 5))}。" for _ in range(20)] + [
                "欢迎下次再来看看。"
            ]
            out.write(
                json.dumps({"doc_id": str(number), "text": "".join(sentences)}, ensure_ascii=False) + "\n"
            )
    return path


def start(documents: Path, output: Path) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "corpus_builder.cli",
        "mine-documents",
        str(documents),
        "-o",
        str(output),
    ]
    return subprocess.Popen(
        [*command, "--threshold", "0.7", "--processes", "1"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "CORPUS_BUILDER_CHUNK_CHARACTERS": "40000"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def test_kill_9_at_ten_moments(documents: Path, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole.jsonl", tmp_path / "killed.jsonl"
    began = time.monotonic()
    process = start(documents, whole)
    assert process.wait() == 0, process.stderr.read() if process.stderr else ""
    seconds = time.monotonic() - began
    rng, kills = random.Random(1), 0
    for _ in range(10):
        process = start(documents, killed)
        try:
            process.wait(timeout=rng.uniform(0.1, 0.9) * seconds)
            break  # it was done before it could be killed
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
            assert not killed.exists()
    assert kills >= 1
    process = start(documents, killed)
    assert process.wait() == 0, process.stderr.read() if process.stderr else ""
    assert killed.read_bytes() == whole.read_bytes()
    assert len(whole.read_bytes().splitlines()) > 1000
    assert {path.name.replace("killed", "whole") for path in tmp_path.iterdir()} == {
        "whole.jsonl",
        "whole.jsonl.manifest.json",
    }
