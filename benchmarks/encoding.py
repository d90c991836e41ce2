"""How fast sentences are encoded, ours beside bert4keras and sentence-transformers, by turns in one run.

    python -m benchmarks.encoding --data DIR --peer-python PYTHON [--st-python PYTHON2] [--json]

12 blocks of 768 with random weights, the vector of [CLS]. The sentences are the first 2,000 distinct ones of
DIR/sts/LCQMC/valid.tsv, as the shipped model's tokenizer cuts them; its ids are folded into a vocabulary of
12,000 tokens. Every side is given token ids and is timed from them to vectors; ``tokenisation_share`` is what
cutting adds to our float32 engine's time. Our side and bert4keras run RoFormer, sentence-transformers a BERT
of the same size, which is the same products: its exports know no RoFormer. Peers get batches of 32 sorted by
length and padded to the batch's longest, as sentence-transformers makes them; upstream's code does not sort.

Figures are sentences a second by the clock, medians of the rounds; ratios are medians of the rounds' ratios.
``ratio_vs_bert4keras`` is our int8. ``ratio_vs_best_peer`` is the smaller of two at equal fidelity:
our float32 with the best of the backends in float32 or bfloat16, our int8 with the best in int8 (each under
its own key, too). ``share_of_peak`` is the time of the matrix products of every token, as NumPy does them at
its best, over our float32 engine's whole time; above 1 it multiplies faster than NumPy, or leaves out what
[CLS] does not need. A backend that cannot be had is named in ``left_out``.

PYTHON has bert4keras 0.11.5; PYTHON2 (PYTHON unless given) has sentence-transformers, and for all backends
`pip install sentence-transformers optimum-onnx[onnxruntime] optimum-intel[openvino]`.

With ``--search-work DIR2`` a million vectors are searched too (:mod:`benchmarks.search`, keys
``search_p50_ms``, ``search_recall``). The first time takes half an hour; DIR2 keeps the vectors.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.encoding_worker import NETWORK
from benchmarks.generation import Side

_HERE = Path(__file__).resolve().parent
OURS = ("native-float32", "native-int8")
BACKENDS = (
    "torch-float32",
    "torch-bfloat16",
    "onnx-float32",
    "onnx-int8",
    "openvino-float32",
    "openvino-int8",
)
_FIRST = 5


def questions(folder: Path, count: int) -> list[str]:
    """Distinct sentences of LCQMC's valid split, in its order."""
    with (folder / "sts" / "LCQMC" / "valid.tsv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        found = dict.fromkeys(row[key] for row in rows for key in ("text_a", "text_b"))
    return list(found)[:count]


def cut(texts: list[str]) -> tuple[list[list[int]], float]:
    """Token ids, and the seconds it took to make them once the tokenizer is loaded."""
    from roformer_sim import RoFormerSim

    tokenizer = RoFormerSim.from_preset().tokenizer
    tokenizer.encode_batch(texts[:10])
    began = time.perf_counter()
    encodings = tokenizer.encode_batch(texts)
    seconds = time.perf_counter() - began
    last = NETWORK["vocab_size"] - _FIRST
    folded = [
        [
            int(token) if token < _FIRST else _FIRST + int(token - _FIRST) % last
            for token in encoding.token_ids
        ]
        for encoding in encodings
    ]
    return folded, seconds


def measure(
    sentences: list[list[int]], peers: dict[str, list[str]], rounds: int, warm: int = 64
) -> dict[str, Any]:
    """Rates of every side; ``peers`` is how each is started."""
    left_out: list[str] = []
    seconds: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sentences.json"
        path.write_text(json.dumps(sentences))
        sides = {}
        commands = {name: [sys.executable, "-m", "benchmarks.encoding_ours", name] for name in OURS} | peers
        for name, command in commands.items():
            try:
                sides[name] = Side(*command, str(path))
                sides[name].ask(count=warm)
                seconds[name] = []
            except (SystemExit, ValueError):  # it ended, or answered what is no JSON
                left_out.append(name)
                sides.pop(name, None)
        for _ in range(rounds):
            for name, side in sides.items():
                seconds[name].append(side.ask(count=len(sentences))["seconds"])
        tokens = sum(map(len, sentences))
        products = sides["native-float32"].ask(peak=True, tokens=tokens)["products_s"]
        for side in sides.values():
            side.close()
    return _figures(seconds, len(sentences), products) | {"left_out": left_out, "rounds": rounds}


def _figures(seconds: dict[str, list[float]], count: int, products: float) -> dict[str, Any]:
    def ratio(own: str, others: list[str]) -> float | None:
        if not others:
            return None
        other = min(others, key=lambda name: median(seconds[name]))
        return round(median(b / a for a, b in zip(seconds[own], seconds[other], strict=True)), 2)

    exact = [name for name in BACKENDS if name in seconds and not name.endswith("int8")]
    rounded = [name for name in BACKENDS if name in seconds and name.endswith("int8")]
    upstream = [name for name in ("bert4keras",) if name in seconds]
    equal = {
        "ratio_vs_best_peer_float32": ratio("native-float32", exact),
        "ratio_vs_best_peer_int8": ratio("native-int8", rounded),
    }
    return {
        "ratio_vs_bert4keras": ratio("native-int8", upstream),
        "ratio_vs_bert4keras_fp32": ratio("native-float32", upstream),
        "ratio_vs_best_peer": min((found for found in equal.values() if found), default=None),
        **equal,
        "share_of_peak": round(products / median(seconds["native-float32"]), 2),
        "sentences_s": {name: round(count / median(found), 1) for name, found in seconds.items()},
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with sts/LCQMC/valid.tsv")
    parser.add_argument("--peer-python", required=True, help="interpreter with bert4keras 0.11.5")
    parser.add_argument("--st-python", help="interpreter with sentence-transformers and its backends")
    parser.add_argument("--backends", default=",".join(BACKENDS), help="of sentence-transformers")
    parser.add_argument("--count", type=int, default=2000, help="sentences")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--search-work", type=Path, help="also measure search; its vectors and index stay here"
    )
    parser.add_argument("--real", type=int, default=359_000, help="sentences among the million vectors")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    sentences, cutting = cut(questions(arguments.data, arguments.count))
    script = str(_HERE / "encoding_sentence_transformers.py")
    peers = {"bert4keras": [arguments.peer_python, str(_HERE / "encoding_bert4keras.py")]}
    for backend in filter(None, arguments.backends.split(",")):
        peers[backend] = [arguments.st_python or arguments.peer_python, script, backend]
    result = measure(sentences, peers, arguments.rounds)
    encoding = len(sentences) / result["sentences_s"]["native-float32"]
    result["tokenisation_share"] = round(cutting / (cutting + encoding), 4)
    result["tokens_a_sentence"] = round(sum(map(len, sentences)) / len(sentences), 1)
    if arguments.search_work:
        from benchmarks import search

        found = search.measure(
            arguments.data, arguments.search_work, 1_000_000, arguments.real, 1_000, "hnsw", threads=2
        )
        result |= {key: found[key] for key in ("search_p50_ms", "search_recall", "memory_mb", "mapped_mb")}
    if arguments.json:
        print(json.dumps(result))
        return
    for name, rate in result["sentences_s"].items():
        print(f"{name:18} {rate:8,.1f} sentences/s")
    print({key: value for key, value in result.items() if key != "sentences_s"})


if __name__ == "__main__":
    sys.exit(main())
