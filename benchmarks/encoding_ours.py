"""Our side of the encoding benchmark: one engine.

python -m benchmarks.encoding_ours ENGINE SENTENCES
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from benchmarks.encoding_worker import NETWORK, read_sentences
from benchmarks.generation_ours import random_weights
from benchmarks.generation_worker import serve
from roformer_sim.models import ModelConfig, Pooling
from roformer_sim.network import Network
from roformer_sim.retrieval.encoder import _encode
from roformer_sim.retrieval.engines.choose import make_encoder


def main() -> None:
    """Serve measurements."""
    config = ModelConfig(**NETWORK)
    engine = make_encoder(sys.argv[1], Network(config, random_weights(config)))
    sentences = [np.array(ids, np.int32) for ids in read_sentences(sys.argv[2])]

    def answer(asked: dict[str, Any]) -> dict[str, Any]:
        if asked.get("peak"):
            return {"products_s": products(asked["tokens"])}
        began = time.perf_counter()
        _encode(engine, sentences[: asked["count"]], [Pooling.P1], "auto", progress=False)
        return {"seconds": time.perf_counter() - began}

    serve({"engine": engine.name}, answer)


def products(tokens: int) -> float:
    """Seconds of the matrix products of ``tokens`` tokens alone, by the best of NumPy's rows at a time."""
    hidden, inner = NETWORK["hidden_size"], NETWORK["intermediate_size"]
    rng = np.random.default_rng(0)
    matrices = [
        rng.random(shape, np.float32)
        for shape in [(hidden, 3 * hidden), (hidden, hidden), (hidden, inner), (inner, hidden)]
    ]
    best = float("inf")
    for rows in (512, 2048):
        inputs = [rng.random((rows, len(matrix)), np.float32) for matrix in matrices]
        seconds = []
        for _ in range(6):
            began = time.perf_counter()
            for given, matrix in zip(inputs, matrices, strict=True):
                given @ matrix
            seconds.append(time.perf_counter() - began)
        best = min(best, min(seconds) / rows)
    return best * tokens * NETWORK["num_hidden_layers"]


if __name__ == "__main__":
    main()
