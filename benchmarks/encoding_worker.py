"""What all sides of the encoding benchmark share; standard library alone, because peers run it too."""

from __future__ import annotations

import json
from pathlib import Path

NETWORK = {
    "vocab_size": 12_000,
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
}
BATCH = 32
"""Of the peers: what sentence-transformers takes unless told otherwise."""


def read_sentences(path: str) -> list[list[int]]:
    """Token ids of each sentence, [CLS] and [SEP] included."""
    return json.loads(Path(path).read_text())


def padded(sentences: list[list[int]]) -> list[list[list[int]]]:
    """Batches longest first, each padded to its longest sentence with 0: what is quickest for the peers."""
    ordered = sorted(sentences, key=len, reverse=True)
    batches = [ordered[begin : begin + BATCH] for begin in range(0, len(ordered), BATCH)]
    return [[row + [0] * (len(batch[0]) - len(row)) for row in batch] for batch in batches]
