"""Measuring an encoder on tables: encode once, score every pair in every variant, correlate, resample."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from corpus_builder.errors import InputError
from corpus_builder.similarity import jaccard
from roformer_sim.evaluation.correlation import pearson, spearman
from roformer_sim.evaluation.sts.bootstrap import Resamples
from roformer_sim.evaluation.sts.figures import (
    RAW,
    WHITENING,
    WHITENING_256,
    StsFigure,
    StsScores,
    Variant,
)
from roformer_sim.evaluation.sts.tables import StsTable
from roformer_sim.evaluation.sts.whitening import whitened

Floats = npt.NDArray[np.float64]
EncodeFunction = Callable[[list[str]], Mapping[Any, np.ndarray] | np.ndarray]
"""n sentences to vectors (n, d), or to ``{pooling: (n, d)}``, all from one pass."""
ScoreFunction = Callable[[Sequence[str], Sequence[str]], npt.ArrayLike]
"""Two lists of n sentences to n scores."""

WHITENINGS = (RAW, WHITENING, WHITENING_256)
JACCARD = "character Jaccard"
_COSINE_DECIMALS = 7
_ROUNDING = 2e-7  # scores that all lie this close together are all the same


@dataclass(frozen=True)
class Bootstrap:
    """Of the intervals: how many resamples (0 for no intervals), the seed of the draws, the confidence."""

    resamples: int = 1000
    seed: int = 0
    confidence: float = 0.95


def evaluate_sts(
    encode: EncodeFunction,
    tables: Sequence[StsTable],
    *,
    name: str = "encoder",
    count_truncated: Callable[[list[str]], int] | None = None,
    whitenings: Sequence[str] = WHITENINGS,
    bootstrap: Bootstrap = Bootstrap(),
) -> StsScores:
    """Spearman and Pearson x 100 of the cosine of each pair with its label, for every pooling and whitening.

    Each distinct sentence of a table is encoded once, for all poolings together. Whitening is fitted on the
    vectors of the evaluated table itself, the sentences of both sides, as published; whitening-256 keeps its
    first 256 directions. A zero vector has cosine 0 with everything.

    Args:
        encode: As :data:`EncodeFunction`; its vectors should not be normalised, whitening sees them as they
            are.
        tables: One or more.
        name: Shown in the report.
        count_truncated: How many of the sentences ``encode`` cuts.
        whitenings: Of ``"raw"``, ``"whitening"``, ``"whitening-256"``.
        bootstrap: Of the intervals; the same rows are drawn for every encoder and variant.

    Raises:
        InputError: ``encode`` does not return one finite vector a sentence; no table; an unknown whitening.

    Example:
        >>> tables = [read_sts_table("ATEC/valid.tsv")]  # doctest: +SKIP
        >>> encoder = RoFormerSim.from_preset("roformer_sim_char_mini_zh").encoder  # doctest: +SKIP
        >>> evaluate_sts(lambda texts: encoder.encode(texts, list(Pooling)), tables)  # doctest: +SKIP

    Reference:
        The protocol of https://kexue.fm/archives/8321.
    """
    unknown = [which for which in whitenings if which not in WHITENINGS]
    if unknown or not tables:
        raise InputError(
            f"whitening {unknown[0]!r}: must be one of {', '.join(WHITENINGS)}"
            if unknown
            else "no table to evaluate on"
        )
    run = _Run(name, bootstrap)
    for table in tables:
        texts = list(dict.fromkeys((*table.texts_a, *table.texts_b)))
        started = time.perf_counter()
        vectors = _checked(encode(texts), texts, name)
        run.encoding_seconds += time.perf_counter() - started
        run.sentences += len(texts)
        if count_truncated is not None:
            run.truncated.append(count_truncated(texts))
        place = {text: i for i, text in enumerate(texts)}
        left, right = (np.array([place[t] for t in side]) for side in (table.texts_a, table.texts_b))
        run.measure(table, _cosines(vectors, left, right, whitenings))
        run.say_dimensions(table, vectors, whitenings)
    return run.scores(tables)


def evaluate_pairs(
    score: ScoreFunction, tables: Sequence[StsTable], *, name: str, bootstrap: Bootstrap = Bootstrap()
) -> StsScores:
    """The same figures for a function that scores pairs without vectors.

    Raises:
        InputError: It does not return one finite number a pair.
    """
    run = _Run(name, bootstrap)
    for table in tables:
        scores = np.asarray(score(table.texts_a, table.texts_b), np.float64)
        if scores.shape != (table.rows,) or not np.isfinite(scores).all():
            raise InputError(f"{name}: expected {table.rows} finite scores of {table.title}")
        run.measure(table, {Variant("", ""): scores})
    return run.scores(tables)


def character_jaccard(tables: Sequence[StsTable], bootstrap: Bootstrap = Bootstrap()) -> StsScores:
    """What counting shared characters reaches, which knows nothing but spelling."""

    def score(texts_a: Sequence[str], texts_b: Sequence[str]) -> list[float]:
        return [jaccard(a, b) for a, b in zip(texts_a, texts_b, strict=True)]

    return evaluate_pairs(score, tables, name=JACCARD, bootstrap=bootstrap)


class _Run:
    """Figures of one encoder as they come in, table by table."""

    def __init__(self, name: str, bootstrap: Bootstrap) -> None:
        self.name, self.bootstrap = name, bootstrap
        self.figures: dict[Variant, list[StsFigure]] = {}
        self.truncated: list[int] = []
        self.sentences = self.dimensions = 0
        self.encoding_seconds = self.measuring_seconds = 0.0
        self.notes: list[str] = []
        self._pair_scores: dict[Variant, list[Floats]] = {}

    def measure(self, table: StsTable, scores: Mapping[Variant, Floats]) -> None:
        started = time.perf_counter()
        for variant, figure in zip(
            scores, _figures(table, list(scores.values()), self.bootstrap), strict=True
        ):
            self.figures.setdefault(variant, []).append(figure)
            self._pair_scores.setdefault(variant, []).append(scores[variant].astype(np.float32))
        self.measuring_seconds += time.perf_counter() - started

    def say_dimensions(
        self, table: StsTable, vectors: Mapping[str, np.ndarray], whitenings: Sequence[str]
    ) -> None:
        width = max(matrix.shape[1] for matrix in vectors.values())
        if width <= 256 and not self.dimensions and {WHITENING, WHITENING_256} <= set(whitenings):
            self.notes.append(
                f"vectors of {width} dimensions: {WHITENING_256} keeps all of them and equals {WHITENING}"
            )
        self.dimensions = width
        zeros = max(int((~matrix.any(axis=1)).sum()) for matrix in vectors.values())
        if zeros:
            self.notes.append(
                f"{table.title}: {zeros:,} sentences have a zero vector, cosine 0 with everything"
            )

    def scores(self, tables: Sequence[StsTable]) -> StsScores:
        result = StsScores(
            self.name,
            self.figures,
            [table.rows for table in tables],
            self.truncated,
            self.sentences,
            self.dimensions,
            self.encoding_seconds,
            self.measuring_seconds,
            self.bootstrap.confidence,
            self.notes,
        )
        result.best_scores.extend(self._pair_scores[result.best])
        return result


def _figures(table: StsTable, scores: list[Floats], bootstrap: Bootstrap) -> list[StsFigure]:
    """A figure for each row of scores; resamples are drawn once, for those that are defined."""
    reasons = [_undefined(table, row) for row in scores]
    defined = [row for row, reason in zip(scores, reasons, strict=True) if not reason]
    resamples = Resamples(table.labels, bootstrap.resamples, bootstrap.seed, f"{table.name} {table.split}")
    draws = 100 * np.stack(resamples.correlations(defined), axis=1)
    found = iter(
        StsFigure.of(
            [100 * spearman(row, table.labels), 100 * pearson(row, table.labels)], drawn, bootstrap.confidence
        )
        for row, drawn in zip(defined, draws, strict=True)
    )
    return [StsFigure(undefined=reason) if reason else next(found) for reason in reasons]


def _undefined(table: StsTable, scores: Floats) -> str:
    if np.ptp(table.labels) == 0:
        return f"all {table.rows:,} labels are {table.labels[0]:g}"
    if not len(scores) or np.isnan(scores).all():
        return "the vectors are all the same: nothing to whiten"
    return "all pairs have the same score" if np.ptp(scores) <= _ROUNDING else ""


def _checked(answer: Any, texts: list[str], name: str) -> dict[str, np.ndarray]:
    found = answer if isinstance(answer, Mapping) else {"": answer}
    vectors = {str(pooling): np.asarray(matrix) for pooling, matrix in found.items()}
    for matrix in vectors.values():
        if matrix.ndim != 2 or len(matrix) != len(texts) or not matrix.shape[1]:
            raise InputError(f"{name}: {len(texts)} sentences gave vectors of shape {matrix.shape}")
        bad = np.flatnonzero(~np.isfinite(matrix).all(axis=1))
        if len(bad):
            raise InputError(
                f"{name}: the vector of {texts[bad[0]]!r} holds NaN or infinity, as do {len(bad) - 1} others"
            )
    if not vectors:
        raise InputError(f"{name}: gave no vectors")
    return vectors


def _cosines(
    vectors: Mapping[str, np.ndarray], left: np.ndarray, right: np.ndarray, whitenings: Sequence[str]
) -> dict[Variant, Floats]:
    """The cosine of every pair for every pooling and whitening; NaN where there is nothing to whiten."""
    found: dict[Variant, Floats] = {}
    both = np.concatenate([left, right])
    for pooling, matrix in vectors.items():
        white = whitened(matrix, both) if {WHITENING, WHITENING_256} & set(whitenings) else matrix[:, :0]
        for which in whitenings:
            chosen = {RAW: matrix, WHITENING: white, WHITENING_256: white[:, :256]}[which]
            known = chosen.shape[1] > 0
            found[Variant(pooling, which)] = (
                row_cosines(chosen, left, right) if known else np.full(len(left), np.nan)
            )
    return found


def row_cosines(vectors: np.ndarray, left: np.ndarray, right: np.ndarray) -> Floats:
    """Cosine of rows ``left[i]`` and ``right[i]`` of ``vectors``, float64 (len(left),), to seven decimals.

    More are not known of float32 vectors, and rounding noise must not rank the pairs of equal sentences:
    their cosines are 1 and tie; on PAWSX it changed Spearman by 0.00015.
    """
    vectors = vectors.astype(np.float64)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return np.round(np.einsum("ij,ij->i", vectors[left], vectors[right]), _COSINE_DECIMALS)
