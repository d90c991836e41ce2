"""Our side of the generation benchmark: one engine.

python -m benchmarks.generation_ours ENGINE
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from benchmarks.generation_worker import NETWORK, NEW_TOKENS, SEP, TOP_P, serve, source_ids
from roformer_sim.checkpoints.mapped import MappedWeights
from roformer_sim.checkpoints.preset import write_safetensors
from roformer_sim.checkpoints.weights import weight_shapes
from roformer_sim.generation.decoding import Source, sample_targets
from roformer_sim.generation.engines import SamplingRule
from roformer_sim.generation.engines.choose import make_engine
from roformer_sim.models import ModelConfig
from roformer_sim.network import Network


def main() -> None:
    """Serve measurements."""
    config = ModelConfig(**NETWORK)
    if sys.argv[1] == "--weights":
        write_safetensors(Path(sys.argv[2]), random_weights(config))
        return
    with tempfile.TemporaryDirectory() as folder:
        # Another process makes them: this one reads a file, as for any preset, and its memory is measured.
        file = Path(folder) / "model.safetensors"
        subprocess.run([sys.executable, "-m", __spec__.name, "--weights", str(file)], check=True)
        network = Network(config, MappedWeights(file))
        engine = make_engine(sys.argv[1], network)
    rule = SamplingRule(SEP, (0, 1, 2, SEP, 4), top_p=TOP_P)

    def run(asked: dict[str, Any]) -> dict[str, Any]:
        sources = [Source(source_ids(i), asked["n"], i) for i in range(asked["sources"])]
        began = time.perf_counter()
        targets = sample_targets(engine, sources, rule, maxlen=NEW_TOKENS)
        seconds = time.perf_counter() - began
        tokens = sum(len(target.token_ids) for found in targets for target in found)
        assert tokens == asked["n"] * asked["sources"] * NEW_TOKENS
        return {"seconds": seconds, "tokens": tokens}

    def answer(asked: dict[str, Any]) -> dict[str, Any]:
        return {"bound": bound(asked["rows"])} if "bound" in asked else run(asked)

    serve({"engine": engine.name}, answer)


def random_weights(config: ModelConfig) -> dict[str, np.ndarray]:
    """As a new network has them: normal kernels, norms of 1 and 0, no biases."""
    rng = np.random.default_rng(0)

    def values(name: str, shape: tuple[int, ...]) -> np.ndarray:
        if len(shape) == 1:
            return np.full(shape, float(name.endswith("gamma")), np.float32)
        return np.float32(config.initializer_range) * rng.standard_normal(shape, np.float32)

    return {name: values(name, shape) for name, shape in weight_shapes(config).items()}


def bound(rows: int) -> float:
    """Tokens/s if a step were its matrix products alone, in float32 by the backend's own."""
    import keras

    hidden, inner = NETWORK["hidden_size"], NETWORK["intermediate_size"]
    shapes = [(hidden, 3 * hidden), (hidden, hidden), (hidden, inner), (inner, hidden)]
    shapes = shapes * NETWORK["num_hidden_layers"] + [(hidden, hidden), (hidden, NETWORK["vocab_size"])]
    rng = np.random.default_rng(0)
    products = [
        (
            keras.ops.convert_to_tensor(rng.random((rows, k), np.float32)),
            keras.ops.convert_to_tensor(rng.random((k, n), np.float32)),
        )
        for k, n in shapes
    ]
    seconds = []
    for _ in range(8):
        began = time.perf_counter()
        for a, b in products:
            result = keras.ops.matmul(a, b)
        keras.ops.convert_to_numpy(result[:1, :1])
        seconds.append(time.perf_counter() - began)
    return rows / float(np.median(seconds[2:]))


if __name__ == "__main__":
    main()
