"""What all sides of the generation benchmark share; standard library alone, because peers run it too."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

NETWORK = {
    "model_type": "roformer",
    "vocab_size": 12_000,
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
}
SOURCE_TOKENS, NEW_TOKENS, TOP_P = 14, 24, 0.95
CLS, SEP, FIRST = 2, 3, 5


def source_ids(number: int) -> list[int]:
    """[CLS], tokens that differ from source to source, [SEP]."""
    inner = [
        FIRST + (97 * number + 31 * i) % (NETWORK["vocab_size"] - FIRST) for i in range(SOURCE_TOKENS - 2)
    ]
    return [CLS, *inner, SEP]


def serve(ready: dict[str, Any], answer: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Answer each line of JSON on standard input by a line of JSON."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    print(json.dumps(ready), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line)) | {"peak_gb": peak_memory()}), file=answers, flush=True)


def peak_memory() -> float:
    """Largest resident memory of this process so far, GB."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e9
