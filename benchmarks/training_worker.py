"""What all sides of the training benchmark share: the network's shape, the pool's rows, "go" and the answer.

Standard library and NumPy alone: the peers run it under their own Python.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

NETWORK = {
    "model_type": "roformer",
    "vocab_size": 12_000,
    "hidden_size": 384,
    "num_hidden_layers": 6,
    "num_attention_heads": 6,
    "intermediate_size": 1536,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "pooling": "P2",
}
BATCH_ROWS = 96
MAXLEN = 64
EPOCH_STEPS = 128  # of our side, which sorts that many batches by length together
WARM_UP, ROUND_STEPS = 64, 16
LEARNING_RATE, WEIGHT_DECAY, CLIP_NORM, SCALE = 1e-4, 0.01, 1.0, 20.0
_PRODUCTS = ((2048, 2048, 2048), (4096, 384, 1536), (4096, 1536, 384))


class PaddedBatch(NamedTuple):
    """Token ids and segments (rows, length), padded with 0 to the batch's longest row."""

    token_ids: np.ndarray
    segment_ids: np.ndarray


def padded_batches(folder: Path, turn: int, steps: int) -> list[PaddedBatch]:
    """``steps`` random batches of the pairs of our side, others in every round."""
    with np.load(folder / "rows.npz") as file:
        tokens, ends, sources = file["tokens"], file["ends"], file["sources"]
    starts = np.concatenate([[0], ends[:-1]])
    batches = []
    for step in range(steps):
        first = (turn * ROUND_STEPS + step) * BATCH_ROWS
        rows = range(first, first + BATCH_ROWS)
        length = int((ends[first : rows.stop] - starts[first : rows.stop]).max())
        token_ids, segment_ids = np.zeros((2, BATCH_ROWS, length), np.int32)
        for place, row in enumerate(rows):
            own = tokens[starts[row] : ends[row]]
            token_ids[place, : len(own)] = own
            segment_ids[place, sources[row] : len(own)] = 1
        batches.append(PaddedBatch(token_ids, segment_ids))
    return batches


def count_work(batches: list[PaddedBatch]) -> dict[str, float]:
    """Useful tokens, those of them that are targets, and the arithmetic they need."""
    lengths = np.concatenate([(batch.token_ids != 0).sum(axis=1) for batch in batches])
    targets = int(sum(batch.segment_ids.sum() for batch in batches))
    padded = sum(batch.token_ids.size for batch in batches)
    return {
        "tokens": int(lengths.sum()),
        "targets": targets,
        "padded": padded,
        "longest": int(max(batch.token_ids.size for batch in batches) / BATCH_ROWS),
        "flop": step_flop(lengths, targets),
    }


def step_flop(lengths: np.ndarray, targets: int) -> float:
    """Multiplications and additions of the matrix products, forward and backward, without padding.

    Two for each weight and token forward, four backward; a row of n tokens has n x n scores.
    """
    hidden, inner = NETWORK["hidden_size"], NETWORK["intermediate_size"]
    weights = NETWORK["num_hidden_layers"] * (4 * hidden**2 + 2 * hidden * inner)
    scores = NETWORK["num_hidden_layers"] * 2 * hidden * float(np.square(lengths.astype(np.int64)).sum())
    head = targets * (hidden**2 + hidden * NETWORK["vocab_size"]) + len(lengths) * hidden**2
    return 6.0 * (weights * float(lengths.sum()) + scores + head)


def step_memory(length: int) -> dict[str, float]:
    """Float32 GB of a step on rows padded to ``length``, half of their tokens targets.

    ``activations`` are what the backward pass cannot do without: of each block its input, query, key, value,
    context, the three inputs and outputs of norms, both sides of the GELU, and the attention weights before
    and after dropout. ``logits`` are the scores and their gradient, ``states`` weights, gradients and
    Adam's two moments.
    """
    hidden, inner, layers = NETWORK["hidden_size"], NETWORK["intermediate_size"], NETWORK["num_hidden_layers"]
    tokens = BATCH_ROWS * length
    a_token = 8 * hidden + 2 * inner + 2 * NETWORK["num_attention_heads"] * length
    weights = layers * (4 * hidden**2 + 2 * hidden * inner) + 2 * hidden**2 + NETWORK["vocab_size"] * hidden
    counts = {
        "activations": layers * tokens * a_token,
        "logits": tokens // 2 * NETWORK["vocab_size"] * 2,
        "states": 4 * weights,
    }
    return {name: round(4e-9 * count, 2) for name, count in counts.items()} | {"length": length}


def serve(ready: dict[str, Any], train: Callable[[int], dict[str, float]]) -> None:
    """Answer each line "ROUND" on standard input by training that round's share and telling the seconds.

    Args:
        ready: said once at the start, after round 0, the warm-up.
        train: trains and returns its ``seconds`` and what :func:`count_work` counts.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    train(0)
    print(json.dumps(ready), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(train(int(line)) | {"peak_gb": peak_memory()}), file=answers, flush=True)


def peak_memory() -> float:
    """Largest resident memory of this process so far, GB."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e9


def product_rate(product: Callable[[int, int, int], Callable[[], object]]) -> float:
    """Best rate of a matrix product, TFLOP/s.

    Args:
        product: makes operands of (m, k) and (k, n) and returns a function that multiplies them.
    """
    best = 0.0
    for m, k, n in _PRODUCTS:
        multiply = product(m, k, n)
        for _ in range(8):
            began = time.perf_counter()
            multiply()
            best = max(best, 2e-12 * m * k * n / (time.perf_counter() - began))
    return round(best, 3)
