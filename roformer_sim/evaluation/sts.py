"""Semantic textual similarity: does the cosine of two sentences rank pairs as people do?"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from corpus_builder.errors import InputError
from corpus_builder.readers import COMPRESSED, read_sts
from corpus_builder.similarity import jaccard
from roformer_sim.evaluation.spearman import spearman

EncodeFunction = Callable[[list[str]], Mapping[Any, np.ndarray]]
"""Sentences to vectors, (n, d) for each pooling; the keys name the poolings."""

_SPLIT = re.compile(r"(?:(?P<name>.+)[._-])?(?P<split>train\w*|valid(?:ation)?|dev|test)", re.IGNORECASE)
_ENDINGS = ("", *COMPRESSED)


@dataclass(frozen=True)
class StsTable:
    """Pairs of sentences and what people say of them.

    Attributes:
        name: ``"ATEC"``: the folder's name, or the file's where it does not start with a split.
        split: ``"valid"``, ``"test"``, ``"train..."``; ``"unnamed"`` where the file name says none.
        file: Where it was read from.
        texts_a, texts_b, labels: One entry a row.
    """

    name: str
    split: str
    file: str
    texts_a: tuple[str, ...]
    texts_b: tuple[str, ...]
    labels: tuple[float, ...]

    @property
    def rows(self) -> int:
        """Number of pairs."""
        return len(self.labels)

    @property
    def title(self) -> str:
        """Name, split and size, as every report shows them: ``ATEC valid (20,000)``."""
        return f"{self.name} {self.split} ({self.rows:,})"


@dataclass(frozen=True)
class StsScores:
    """What one model, or the baseline, reaches on each table.

    Attributes:
        name: Of the model.
        scores: Pooling to Spearman x 100 on each table, in the order of the tables; NaN where undefined.
        truncated: Distinct sentences of each table cut to the longest length; empty where not counted.
        sentences: Distinct sentences encoded, over all tables.
        seconds: Time the encoding took.
    """

    name: str
    scores: dict[str, list[float]]
    truncated: list[int] = field(default_factory=list)
    sentences: int = 0
    seconds: float = 0.0

    def average(self, pooling: str) -> float:
        """Mean over the tables, each counting the same; NaN as soon as one of them is."""
        return float(np.mean(self.scores[pooling]))

    @property
    def best_pooling(self) -> str:
        """The pooling with the highest average; the first one where all are NaN."""
        averages = {pooling: np.nan_to_num(self.average(pooling), nan=-np.inf) for pooling in self.scores}
        return max(averages, key=averages.__getitem__)


def find_sts_files(places: Iterable[str | Path], split: str = "valid") -> list[Path]:
    """The tables of ``split`` in folders, and files as they are.

    A folder is searched for ``<split>.tsv`` itself and one level down (``DATA/ATEC/valid.tsv``); ``.gz`` and
    ``.xz`` count too.

    Raises:
        InputError: a folder without such a table, a path that does not exist, a file named twice.
    """
    files: list[Path] = []
    for place in map(Path, places):
        if place.is_dir():
            pattern = [f"{split}.tsv{ending}" for ending in _ENDINGS]
            found = sorted(path for name in pattern for path in (*place.glob(name), *place.glob(f"*/{name}")))
            if not found:
                raise InputError(
                    f"{place}: holds no {split}.tsv, nor does a folder in it; name files, or a split"
                )
            files += found
        elif place.is_file():
            files.append(place)
        else:
            raise InputError(f"{place}: there is no such file or folder")
    if not files:
        raise InputError("no table to evaluate on; name a folder or files text_a<TAB>text_b<TAB>label")
    twice = next((path for path in files if files.count(path) > 1), None)
    if twice is not None:
        raise InputError(f"{twice}: named twice")
    return files


def read_sts_table(path: str | Path) -> StsTable:
    """Read ``text_a<TAB>text_b<TAB>label``, with name and split taken from the path.

    ``ATEC/valid.tsv`` is table ATEC, split valid; ``BQ.test.tsv`` is BQ, test; ``mine.tsv`` has no split.

    Raises:
        InputError: the file cannot be read, a row is damaged (line named), fewer than two rows.
    """
    path = Path(path)
    stem = re.sub(r"\.(tsv|txt)$", "", path.name.removesuffix(".gz").removesuffix(".xz"))
    match = _SPLIT.fullmatch(stem)
    name, split = (
        (match["name"] or path.resolve().parent.name, match["split"]) if match else (stem, "unnamed")
    )
    rows = list(read_sts(path))
    if len(rows) < 2:
        raise InputError(f"{path}: {len(rows)} rows; a rank correlation needs at least 2")
    return StsTable(
        name,
        split,
        str(path),
        tuple(row.text_a for row in rows),
        tuple(row.text_b for row in rows),
        tuple(row.label for row in rows),
    )


def evaluate_sts(
    encode: EncodeFunction,
    tables: Sequence[StsTable],
    *,
    name: str = "model",
    count_truncated: Callable[[list[str]], int] | None = None,
) -> StsScores:
    """Spearman x 100 of the cosine of each pair with its label, for every pooling ``encode`` returns.

    Each distinct sentence of a table is encoded once, for all poolings together. A zero vector has cosine 0
    with everything.

    Args:
        encode: n sentences to ``{pooling: (n, d)}``; need not be normalised.
        tables: One or more.
        name: Shown in the report.
        count_truncated: How many of the sentences ``encode`` cuts.

    Raises:
        InputError: ``encode`` does not return one vector a sentence.

    Example:
        >>> tables = [read_sts_table("ATEC/valid.tsv")]  # doctest: +SKIP
        >>> encoder = RoFormerSim.from_preset("roformer_sim_char_mini_zh").encoder  # doctest: +SKIP
        >>> evaluate_sts(lambda texts: encoder.encode(texts, list(Pooling)), tables)  # doctest: +SKIP

    Reference:
        The protocol of https://kexue.fm/archives/8321.
    """
    scores: dict[str, list[float]] = {}
    truncated: list[int] = []
    sentences, seconds = 0, 0.0
    for table in tables:
        texts = list(dict.fromkeys((*table.texts_a, *table.texts_b)))
        row = {text: i for i, text in enumerate(texts)}
        left = np.array([row[text] for text in table.texts_a])
        right = np.array([row[text] for text in table.texts_b])
        started = time.perf_counter()
        vectors = encode(texts)
        seconds += time.perf_counter() - started
        sentences += len(texts)
        if count_truncated is not None:
            truncated.append(count_truncated(texts))
        for pooling, matrix in vectors.items():
            if matrix.ndim != 2 or len(matrix) != len(texts):
                raise InputError(f"{name}: {len(texts)} sentences gave vectors of shape {matrix.shape}")
            value = 100 * spearman(row_cosines(matrix, left, right), table.labels)
            scores.setdefault(str(pooling), []).append(value)
    return StsScores(name, scores, truncated, sentences, seconds)


def row_cosines(vectors: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Cosine of rows ``left[i]`` and ``right[i]`` of ``vectors``, float64 (len(left),)."""
    vectors = vectors.astype(np.float64)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return np.einsum("ij,ij->i", vectors[left], vectors[right])


def jaccard_baseline(tables: Sequence[StsTable]) -> StsScores:
    """The same figure for the character Jaccard similarity, which knows nothing but spelling."""
    values = []
    for table in tables:
        overlap = [jaccard(a, b) for a, b in zip(table.texts_a, table.texts_b, strict=True)]
        values.append(100 * spearman(overlap, table.labels))
    return StsScores("character Jaccard", {"": values})
