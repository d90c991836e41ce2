"""How fast similar pairs are found, ours beside peers on the same texts, taking turns in one run.

    python -m benchmarks.mining [--data FOLDER] [--json]      (pip install 'roformer-sim[bench]')

Kernel: groups of 200 and of 30 neighbouring sentences, character Jaccard at 0.5. Everyone gets the
normalised sentences as Python strings and builds what it needs inside the timed part; the pairs must be the
same. Counted are seconds of processor time of one thread, so that other work on the machine weighs little; a
figure is the median of the rounds, a ratio the median of the rounds' ratios.

Whole runs: the command itself, all cores, on 0.1 to 1 GB of documents and on one document of 50,000
sentences that all resemble one another; seconds by the clock, memory of all processes together.

FOLDER has documents (JSON lines, also .gz and .xz) below ``text/docs``; without it texts are put together
from the examples.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from benchmarks.mining_peers import PEERS
from benchmarks.mining_runs import measure_runs
from corpus_builder.kernels.pairs import similar_pairs
from corpus_builder.kernels.texts import encode_texts
from corpus_builder.readers import read_documents
from corpus_builder.segmentation import split_sentences
from corpus_builder.similarity import normalise

Group = list[str]
Result = list[tuple[int, int, float]]
Arrays = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]

THRESHOLD = 0.5
_EXAMPLES = Path(__file__).parents[1] / "examples" / "documents.jsonl"
_FILES_OF_DATA = 8
_SENTENCES_OF_A_FILE = 5_000
_SHARE = 10  # a slow peer gets every tenth group


def sentences(data: Path | None) -> Iterator[str]:
    """Normalised sentences of 5 to 64 characters, those of a document next to one another."""
    if data is None:
        yield from _from_examples()
        return
    files = sorted((data / "text" / "docs").rglob("*.jsonl*"), key=lambda path: (-path.stat().st_size, path))
    if not files:
        raise SystemExit(f"error: no documents (*.jsonl, .gz, .xz) below {data / 'text' / 'docs'}")
    for path in files[:_FILES_OF_DATA]:
        yield from islice(_usable(path), _SENTENCES_OF_A_FILE)


def _usable(path: Path) -> Iterator[str]:
    for document in read_documents(path):
        for sentence in split_sentences(document.text):
            normal = normalise(sentence)
            if 5 <= len(normal) <= 64:
                yield normal


def _from_examples() -> Iterator[str]:
    """Clauses of the example texts, put together by chance: 16,000 sentences."""
    rng = random.Random(0)
    clauses = list(_usable(_EXAMPLES))
    for _ in range(16_000):
        a, b = rng.choice(clauses), rng.choice(clauses)
        cut = rng.randrange(2, len(a))
        yield (a[:cut] + b[rng.randrange(len(b)) :])[:64]


def ours(groups: list[Group]) -> Arrays:
    """All groups in one call."""
    codes, offsets = encode_texts([text for group in groups for text in group])
    return similar_pairs(codes, offsets, np.cumsum([0, *map(len, groups)]), THRESHOLD)


def by_group(found: Arrays, groups: list[Group]) -> list[Result]:
    """Our pairs in the form of the peers."""
    bounds = np.cumsum([0, *map(len, groups)])
    i, j, score = found
    ends = np.searchsorted(i, bounds)
    return [
        list(zip((i[a:b] - at).tolist(), (j[a:b] - at).tolist(), score[a:b].tolist(), strict=True))
        for a, b, at in zip(ends, ends[1:], bounds.tolist(), strict=False)
    ]


def measure_kernel(texts: list[str], size: int, rounds: int) -> dict[str, Any]:
    """Speed in million pairs compared a second, ours and peers by turns on the same groups."""
    groups = [texts[at : at + size] for at in range(0, len(texts) - size + 1, size)]
    pairs = len(groups) * size * (size - 1) / 2
    contestants: dict[str, Callable[[list[Group]], object]] = {"ours": ours}
    expected = by_group(ours(groups), groups)
    for name, peer in PEERS.items():
        contestants[name] = lambda groups, peer=peer: [peer(group, THRESHOLD) for group in groups]
        if contestants[name](groups[::_SHARE]) != expected[::_SHARE]:
            raise SystemExit(f"error: {name} finds other pairs than ours")
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, find in contestants.items():
            share = groups if name == "ours" else groups[::_SHARE]
            seconds[name].append(_seconds(find, share) * len(groups) / len(share))
    fastest = min((name for name in contestants if name != "ours"), key=lambda name: median(seconds[name]))
    ratios = [peer / own for peer, own in zip(seconds[fastest], seconds["ours"], strict=True)]
    return {
        "groups": len(groups),
        "similar_pairs": sum(map(len, expected)),
        "mpairs_s": {name: round(pairs / median(times) / 1e6, 2) for name, times in seconds.items()},
        "fastest_peer": fastest,
        "ratio": round(median(ratios), 1),
    }


def _seconds(find: Callable[[list[Group]], object], groups: list[Group]) -> float:
    begin = time.process_time()
    find(groups)
    return time.process_time() - begin


def measure(data: Path | None, rounds: int) -> dict[str, Any]:
    """The whole benchmark."""
    texts = list(sentences(data))
    with threadpool_limits(1):
        kernel = {size: measure_kernel(texts, size, rounds) for size in (200, 30)}
    return {
        "texts": f"{len(texts):,} sentences "
        + (
            "put together from examples/documents.jsonl" if data is None else "of the data folder's documents"
        ),
        "threshold": THRESHOLD,
        "kernel200_mpairs_s": kernel[200]["mpairs_s"]["ours"],
        "kernel200_ratio": kernel[200]["ratio"],
        "kernel30_ratio": kernel[30]["ratio"],
        "kernel200": kernel[200],
        "kernel30": kernel[30],
        **measure_runs(data),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder with text/docs; default: the repository's examples")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result = measure(arguments.data, arguments.rounds)
    if arguments.json:
        print(json.dumps(result))
        return
    print(f"{result['texts']}, medians of {arguments.rounds} rounds")
    for size in (200, 30):
        kernel = result[f"kernel{size}"]
        print(f"groups of {size}, {kernel['groups']:,} of them, ours {kernel['ratio']} x the fastest peer")
        for name, speed in kernel["mpairs_s"].items():
            print(f"  {name:22} {speed:9.2f} million pairs/s")
    for run in result["runs"]:
        size, counts = run.get("bytes", 0) / 1e6, run["counts"]
        print(f"{size:,.0f} MB, {counts['sentences']:,} sentences, {counts['pairs']:,} pairs:", end=" ")
        print(f"{run['seconds']} s on {result['cores']} cores, {run['peak_gb']} GB")
    print(f"{result['mine_mb_s_per_core']} MB/s per core on 1 GB,", end=" ")
    print(f"{result['mine_further_mb_s_per_core']} for what is more than 0.1 GB")


if __name__ == "__main__":
    sys.exit(main())
