"""Encoders and baselines probed on tables."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from roformer_sim.evaluation.probes.classifier import FoldScores, probe_majority, probe_texts, probe_vectors
from roformer_sim.evaluation.probes.tables import ClassTable
from roformer_sim.evaluation.vectors.encoders import VectorEncoder

MAJORITY = "majority class"
CHARACTERS = "characters (TF-IDF)"


@dataclass(frozen=True)
class ProbeScores:
    """What a probe reads off one encoder, a table after the other.

    Attributes:
        name: Of the encoder or baseline.
        scores: Of each table.
        dimensions: d of the vectors; ``None`` of a baseline.
        truncated: Texts cut, of each table, where that is known.
        encoding_seconds, fitting_seconds: Of all tables.
    """

    name: str
    scores: list[FoldScores] = field(default_factory=list)
    dimensions: int | None = None
    truncated: list[int] = field(default_factory=list)
    encoding_seconds: float = 0.0
    fitting_seconds: float = 0.0


def measure_probes(
    encoders: Sequence[VectorEncoder],
    tables: Sequence[ClassTable],
    *,
    folds: int = 5,
    seed: int = 0,
    baselines: bool = True,
    on_step: Callable[[str], None] = lambda message: None,
) -> list[ProbeScores]:
    """Probe each encoder on each table, all in the same folds; the two baselines come last.

    Args:
        encoders: What is measured.
        tables: What on.
        folds, seed: Of the cross-validation.
        baselines: Also the majority class and the bag of characters.
        on_step: Told what is being done.

    Raises:
        InputError: An encoder does not give one finite, nonzero vector a text; scikit-learn is missing.
    """
    found = [_probed(encoder, tables, folds, seed, on_step) for encoder in encoders]
    if not baselines:
        return found
    majority = [probe_majority(table.labels, folds=folds, seed=seed) for table in tables]
    started = time.perf_counter()
    characters = []
    for table in tables:
        on_step(f"{CHARACTERS}: {table.title}")
        characters.append(probe_texts(table.texts, table.labels, folds=folds, seed=seed))
    seconds = time.perf_counter() - started
    return [
        *found,
        ProbeScores(CHARACTERS, characters, fitting_seconds=seconds),
        ProbeScores(MAJORITY, majority),
    ]


def _probed(
    encoder: VectorEncoder,
    tables: Sequence[ClassTable],
    folds: int,
    seed: int,
    on_step: Callable[[str], None],
) -> ProbeScores:
    scores, cut, width = [], [], 0
    encoding = fitting = 0.0
    for table in tables:
        on_step(f"{encoder.name}: {table.title}")
        started = time.perf_counter()
        vectors: np.ndarray = encoder(list(table.texts))
        encoded = time.perf_counter()
        scores.append(probe_vectors(vectors, table.labels, folds=folds, seed=seed))
        encoding, fitting = encoding + encoded - started, fitting + time.perf_counter() - encoded
        width = vectors.shape[1]
        if encoder.count_truncated is not None:
            cut.append(encoder.count_truncated(list(table.texts)))
    return ProbeScores(encoder.name, scores, width, cut, encoding, fitting)
