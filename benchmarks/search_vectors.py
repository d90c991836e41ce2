"""The vectors that ``benchmarks.search`` is measured on: real sentences, encoded by the shipped preset.

Its vectors have 192 dimensions; those of two poolings beside each other (P1 and P4, 384 numbers) are whitened
to the first 256, so that a vector of 256 dimensions has the structure of real ones. Encoding a million takes
a while: blocks are kept in a folder, and a run that was stopped goes on behind the last one.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from corpus_builder.readers import read_documents
from corpus_builder.segmentation import split_sentences
from roformer_sim.model import RoFormerSim

POOLINGS = ("P1", "P4")
BLOCK = 20_000
_SHORTEST, _LONGEST = 5, 48
_DRAWN = 2_000


def sentences(data: Path, count: int) -> list[str]:
    """So many different sentences of the data folder's documents, chosen by chance, always the same."""
    files = sorted((data / "text" / "docs").rglob("*.jsonl*"))
    if not files:
        raise SystemExit(f"error: no documents (*.jsonl, .gz, .xz) below {data / 'text' / 'docs'}")
    found = sorted({text for path in files for text in _usable(path)})
    if len(found) < count:
        raise SystemExit(
            f"error: the documents hold {len(found):,} different sentences, {count:,} are needed"
        )
    return random.Random(0).sample(found, count)


def _usable(path: Path) -> Iterator[str]:
    for document in read_documents(path):
        for sentence in split_sentences(document.text):
            if _SHORTEST <= len(sentence) <= _LONGEST:
                yield sentence


def raw_vectors(texts: list[str], folder: Path) -> np.ndarray:
    """The two poolings' vectors of each text, float32 (n, 384); blocks are float16 files in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    model: RoFormerSim | None = None
    blocks = []
    for at in range(0, len(texts), BLOCK):
        path = folder / f"block-{at:09d}.npy"
        if not path.exists():
            model = model or RoFormerSim.from_preset()
            _encode(model, texts[at : at + BLOCK], path)
        blocks.append(np.load(path))
    return np.concatenate(blocks).astype(np.float32)


def _encode(model: RoFormerSim, texts: list[str], path: Path) -> None:
    found = model.encoder.encode(texts, POOLINGS, batch_size=256, maxlen=64)
    vectors = np.concatenate([*found.values()], axis=1).astype(np.float16)
    temporary = path.with_suffix(f".{os.getpid()}.part")
    with temporary.open("wb") as file:
        np.save(file, vectors)
    temporary.replace(path)


def extended(vectors: np.ndarray, count: int) -> np.ndarray:
    """So many vectors of length 1: points between a given one and a neighbour (SMOTE), then those given.

    Neighbours are the nearest among 2,000 vectors drawn with it; the share of the way is drawn from 0.25 to
    0.75. Chawla et al., SMOTE (arXiv:1106.1813).
    """
    rng = np.random.default_rng(0)
    made = []
    missing = count - len(vectors)
    while missing > 0:
        drawn = vectors[rng.choice(len(vectors), min(_DRAWN, len(vectors)), replace=False)]
        cosines = drawn @ drawn.T
        np.fill_diagonal(cosines, -1)
        share = rng.uniform(0.25, 0.75, (len(drawn), 1)).astype(np.float32)
        between = drawn + share * (drawn[cosines.argmax(axis=1)] - drawn)
        between /= np.linalg.norm(between, axis=1, keepdims=True)
        made.append(between[:missing])
        missing -= len(between)
    # Real ones last: of these the index learns how hard it must search.
    return np.concatenate([*made, vectors])
