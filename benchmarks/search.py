"""How fast a million vectors are searched, one query at a time, one thread.

    python -m benchmarks.search --data FOLDER --work FOLDER [--kind ivf] [--json]

FOLDER of the data has documents (JSON lines, also .gz and .xz) below ``text/docs``. Their sentences are
encoded by the shipped preset and whitened to 256 dimensions (``search_vectors``); the work folder keeps the
vectors, so that a second run does not encode. ``--real`` takes fewer sentences; what is missing to the
million are points between a sentence and its nearest among two thousand others (the result says how many).
Queries are sentences that are not in the index. Random vectors would have no neighbours worth finding.

Recall is that of the same queries against comparing with every vector; memory is what a new process grows by
when it opens the index, pages of the mapped file apart. Times are processor time of one thread, so that
other work on the machine weighs little. It needs the extra ``search``.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.search_vectors import BLOCK, extended, raw_vectors, sentences
from roformer_sim.retrieval.whitening import Whitening
from roformer_sim.search import SentenceIndex, TextEncoder, exact_neighbours
from roformer_sim.search.exact import recall
from roformer_sim.search.kinds import faiss_library

DIMENSION, K = 256, 10


def measure(
    data: Path, work: Path, count: int, real: int, queries: int, kind: str | None, threads: int
) -> dict[str, Any]:
    """Build, open and search."""
    real = min(real, count)
    # A block that was kept may hold more than is asked for.
    texts = sentences(data, count + queries)[: real + queries]
    raw = raw_vectors(texts, work / "vectors")[: len(texts)]
    asked, stored = raw[:queries], raw[queries:]
    whitening = Whitening.fit((stored[i : i + BLOCK] for i in range(0, len(stored), BLOCK)), DIMENSION)
    vectors = extended(whitening.transform(stored), count)
    wanted = whitening.transform(asked)
    # The index asks its encoder for vectors of texts: here a text is the number of its row.
    encoder = TextEncoder(lambda texts: vectors[[int(text) for text in texts]], {"benchmark": count})
    faiss_library().omp_set_num_threads(threads)
    shutil.rmtree(work / "index", ignore_errors=True)
    started, cpu = time.monotonic(), time.process_time()
    SentenceIndex.build(work / "index", encoder, map(str, range(count)), kind=kind)
    built, cpu = time.monotonic() - started, time.process_time() - cpu
    faiss_library().omp_set_num_threads(1)
    index = SentenceIndex.load(work / "index")
    found, seconds = _search(index, wanted)
    memory, mapped = _memory(work / "index")
    exact = exact_neighbours(wanted, vectors, K)
    return {
        "vectors": count,
        "of_real_sentences": len(stored),
        "dimensions": DIMENSION,
        "kind": index.kind.value,
        "effort": index.manifest.effort,
        "search_p50_ms": round(1e3 * median(seconds), 3),
        "search_p95_ms": round(1e3 * float(np.quantile(seconds, 0.95)), 3),
        "search_recall": round(recall(wanted, vectors, found, exact), 4),
        "queries": queries,
        "memory_mb": round(memory / 1e3),
        "mapped_mb": round(mapped / 1e3),
        "disk_mb": round(index.bytes_on_disk / 1e6),
        "build_threads": threads,
        "build_s": round(built),
        "build_cpu_s": round(cpu),
        "exact_p50_ms": _exact_ms(wanted, vectors),
    }


def _search(index: SentenceIndex, queries: np.ndarray) -> tuple[np.ndarray, list[float]]:
    """Rows found and seconds of each query, asked alone, by processor time: other work weighs little."""
    index.search_vectors(queries[:50], K)
    found, seconds = [], []
    for query in queries:
        begin = time.process_time()
        rows, _ = index.search_vectors(query[None], K)
        seconds.append(time.process_time() - begin)
        found.append(rows[0])
    return np.array(found), seconds


def _exact_ms(queries: np.ndarray, vectors: np.ndarray) -> float:
    seconds = []
    for query in queries[:10]:
        begin = time.process_time()
        exact_neighbours(query[None], vectors, K)
        seconds.append(time.process_time() - begin)
    return round(1e3 * median(seconds), 1)


_OPEN = """
import sys
from pathlib import Path
from roformer_sim.search import SentenceIndex
from roformer_sim.search.kinds import faiss_library
def resident():
    lines = [line.split() for line in Path("/proc/self/status").read_text().splitlines()]
    return [int(words[1]) for name in ("RssAnon:", "RssFile:") for words in lines if words[0] == name]
faiss_library()
before = resident()
index = SentenceIndex.load(sys.argv[1])
print(*(after - earlier for after, earlier in zip(resident(), before)))
"""


def _memory(folder: Path) -> tuple[int, int]:
    """Kilobytes that opening the index takes: the process's own, and pages of mapped files."""
    done = subprocess.run([sys.executable, "-c", _OPEN, folder], capture_output=True, text=True, check=True)
    own, mapped = map(int, done.stdout.split())
    return own, mapped


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with text/docs")
    parser.add_argument("--work", type=Path, required=True, help="folder for vectors and index")
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--real", type=int, default=1_000_000, help="sentences that are encoded")
    parser.add_argument("--queries", type=int, default=1_000)
    parser.add_argument("--kind", choices=("flat", "ivf", "hnsw"), help="default: by the number of vectors")
    parser.add_argument("--threads", type=int, default=2, help="for building; a search uses one")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result = measure(
        arguments.data,
        arguments.work,
        arguments.count,
        arguments.real,
        arguments.queries,
        arguments.kind,
        arguments.threads,
    )
    if arguments.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:>20}  {f'{value:,}' if isinstance(value, int) else value}")


if __name__ == "__main__":
    sys.exit(main())
