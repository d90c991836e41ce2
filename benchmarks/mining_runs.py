"""Whole runs of ``corpus-builder mine-documents``: bytes in, pairs out, time and memory of all processes."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

from corpus_builder.jobs.workers import cores
from corpus_builder.readers import read_documents

_ROOT = Path(__file__).resolve().parents[1]
_EXAMPLES = _ROOT / "examples" / "documents.jsonl"
_SIZES = (0.1e9, 0.3e9, 1e9)
_CROWD = 50_000
_CORE = "今天天气真的非常好我们一起去公园散步吧"


def measure_runs(data: Path | None) -> dict[str, Any]:
    """Runs on 0.1, 0.3 and 1 GB of documents, and on one document of 50,000 sentences that are all alike.

    Args:
        data: folder with documents below ``text/docs``, repeated with other ids until they are 1 GB; None:
            the repository's examples, each time with other characters here and there.
    """
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "documents.jsonl"
        for size in _SIZES:
            _write_documents(source, size, data)
            runs.append(_run(source) | {"bytes": source.stat().st_size})
        source.write_text(json.dumps({"doc_id": "1", "text": "\n".join(_crowd())}), "utf-8")
        crowd = _run(source)
    small, large = runs[0], runs[-1]
    megabytes = (large["bytes"] - small["bytes"]) / 1e6
    return {
        "cores": cores(),
        "mine_mb_s_per_core": round(large["bytes"] / 1e6 / large["seconds"] / cores(), 2),
        "mine_further_mb_s_per_core": round(megabytes / (large["seconds"] - small["seconds"]) / cores(), 2),
        "mine_peak_gb": large["peak_gb"],
        "crowd_seconds": crowd["seconds"],
        "runs": [*runs, crowd],
    }


def _write_documents(path: Path, size: float, data: Path | None) -> None:
    written = 0
    with path.open("wb") as out:
        for number, text in enumerate(_texts(data)):
            row = {"doc_id": str(number), "text": text}
            written += out.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
            if written >= size:
                return


def _texts(data: Path | None) -> Iterator[str]:
    if data is not None:
        files = sorted((data / "text" / "docs").rglob("*.jsonl*"))
        yield from (row.text for file in cycle(files) for row in read_documents(file))
    rng = random.Random(0)
    common = "".join(row.text for row in read_documents(_EXAMPLES))
    for row in cycle(list(read_documents(_EXAMPLES))):
        letters = list(row.text)
        for place in range(rng.randrange(9), len(letters), 9):
            if letters[place].isalnum():
                letters[place] = rng.choice(common)
        yield "".join(letters)


def _crowd() -> list[str]:
    rng = random.Random(0)
    sentences: dict[str, None] = {}
    while len(sentences) < _CROWD:
        letters = list(_CORE)
        for _ in range(rng.randint(1, 3)):
            letters[rng.randrange(len(letters))] = chr(rng.randint(0x4E00, 0x59FF))
        sentences["".join(letters) + "。"] = None
    return list(sentences)


def _run(source: Path) -> dict[str, Any]:
    """Seconds, peak memory in GB (all processes together) and counts of one run."""
    command = [sys.executable, "-m", "corpus_builder.cli", "mine-documents", str(source), "--json"]
    output = source.with_name("pairs.jsonl.gz")
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    began = time.monotonic()
    process = subprocess.Popen([*command, "-o", str(output)], stdout=subprocess.PIPE, env=environment)
    peak = [0]
    watch = threading.Thread(target=_watch, args=(process, peak))
    watch.start()
    out, _ = process.communicate()
    seconds = time.monotonic() - began
    watch.join()
    if process.returncode:
        raise SystemExit(f"error: {' '.join(command)} ended with {process.returncode}")
    counts = json.loads(out)["counts"]
    return {"seconds": round(seconds, 2), "peak_gb": round(peak[0] / 1e9, 3), "counts": counts}


def _watch(process: subprocess.Popen[bytes], peak: list[int]) -> None:
    """The most memory that the process and its children had at one time; shared pages count each time."""
    page = os.sysconf("SC_PAGE_SIZE")
    while process.poll() is None:
        total = 0
        for pid in _family(process.pid):
            try:
                total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * page
            except OSError:  # it has ended
                continue
        peak[0] = max(peak[0], total)
        time.sleep(0.02)


def _family(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return [pid]
    return [pid, *(member for child in children for member in _family(int(child)))]
