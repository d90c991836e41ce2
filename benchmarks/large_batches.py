"""Memory and time of a large batch: plain, and in parts (GradCache), each in its own process.

python -m benchmarks.large_batches          # backend and threads as in the environment
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

SETTINGS = ((96, 1), (384, 1), (384, 4), (384, 8))
"""Rows of a batch, and its parts."""

LENGTH, STEPS, VOCABULARY = 40, 3, 12000


def main() -> None:
    """A line for each setting: highest resident memory, and processor seconds of a step, fastest of two."""
    for rows, parts in SETTINGS:
        command = [sys.executable, "-m", "benchmarks.large_batches", str(rows), str(parts)]
        found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        print(found.stdout.splitlines()[-1], flush=True)


def measure(rows: int, parts: int) -> str:
    """Trains a 6 x 384 network on generation and the in-batch softmax for a few steps."""
    model, batch = _model(parts), _batch(rows, parts)
    before, seconds = _resident(), []
    for _ in range(STEPS):
        start = time.process_time()
        model.train_on_batch(batch)
        seconds.append(time.process_time() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return (
        f"{rows} rows, {parts} parts: peak {peak} MB, {peak - before} MB above the start, "
        f"{min(seconds[1:]):.1f} processor seconds a step"
    )


def _model(parts: int) -> Any:
    import keras

    from roformer_sim.models import Backbone, ModelConfig
    from roformer_sim.training.grad_cache import parted_model_class
    from roformer_sim.training.model import MultiTaskModel
    from roformer_sim.training.recipe_objectives import InBatchTerm, ObjectivesSection, Term
    from roformer_sim.training.terms import loss_terms

    config = ModelConfig(
        vocab_size=VOCABULARY,
        hidden_size=384,
        num_hidden_layers=6,
        num_attention_heads=6,
        intermediate_size=1536,
        attention_probs_dropout_prob=0.0,
    )
    terms = loss_terms(ObjectivesSection(generation=Term(), in_batch=InBatchTerm()))
    backbone = Backbone(config)
    model = (
        MultiTaskModel(backbone, terms)
        if parts == 1
        else parted_model_class()(backbone, terms, sub_batches=parts)
    )
    optimizer = keras.optimizers.AdamW(1e-4, global_clipnorm=1.0)
    optimizer.build(model.trainable_variables)
    model.compile(optimizer, jit_compile=keras.backend.backend() == "jax")
    return model


def _batch(rows: int, parts: int) -> dict[str, np.ndarray]:
    from roformer_sim.training.arrays import make_batch
    from roformer_sim.training.rows import Row

    rng, made = np.random.default_rng(0), []
    for _ in range(rows):
        source, target = (rng.integers(5, VOCABULARY, length).tolist() for length in rng.integers(8, 19, 2))
        made.append(Row([2, *source, 3, *target, 3], len(source) + 2))
    partners = (np.arange(rows) ^ 1).astype(np.int32)
    batch = make_batch(made, 0, LENGTH, parts=parts)
    return batch | {"partners": partners, "same": np.eye(rows, dtype=bool)}


def _resident() -> int:
    """Resident memory now, MB."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) // 1024


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(measure(int(sys.argv[1]), int(sys.argv[2])))
    else:
        main()
