"""Logistic regression in stratified folds, its strength chosen inside each fold's training part."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from corpus_builder.errors import InputError
from roformer_sim.evaluation.vectors.groups import SCIKIT_LEARN

VECTOR_GRID = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""C for standardised vectors."""
TEXT_GRID = (1.0, 10.0, 100.0, 1000.0)
"""C for TF-IDF rows, which are of length 1."""
MAX_FEATURES = 20_000
_INNER_FOLDS = 5
_MAX_ITERATIONS = 500
Ints = npt.NDArray[np.intp]


class Mean(NamedTuple):
    """A mean over folds and its standard error, both in percent."""

    value: float
    error: float


@dataclass
class FoldScores:
    """Figures of each fold, from 0 to 1.

    Attributes:
        accuracy: Share of the fold's texts classified rightly.
        macro_f1: Mean of the classes' F1, each class counting the same.
        strengths: The C that was chosen.
        unfinished: Folds whose last fit ran out of iterations.
    """

    accuracy: list[float] = field(default_factory=list)
    macro_f1: list[float] = field(default_factory=list)
    strengths: list[float] = field(default_factory=list)
    unfinished: int = 0

    def mean(self, metric: str) -> Mean:
        """``"accuracy"`` or ``"macro_f1"``: mean over folds, and ``sd / sqrt(folds)``, sd over folds - 1."""
        values = np.array(getattr(self, metric))
        return Mean(100 * float(values.mean()), 100 * float(values.std(ddof=1)) / math.sqrt(len(values)))


def probe_vectors(
    vectors: np.ndarray,
    labels: Sequence[str],
    *,
    folds: int = 5,
    seed: int = 0,
    grid: Sequence[float] = VECTOR_GRID,
) -> FoldScores:
    """Accuracy and macro-F1 of multinomial logistic regression on frozen vectors.

    For each of ``folds`` stratified folds: the vectors are standardised by the mean and deviation of the
    other folds' rows; C is what is most often right on a fifth of those rows, held out and stratified (the
    smallest of equals); the classifier is then fitted on all of them and asked for the fold. Rows of a fold
    are never seen before.

    Args:
        vectors: (n, d).
        labels: n classes, each at least ``folds`` times.
        folds: At least 3.
        seed: Of both divisions.
        grid: Values of C, the inverse of the strength of the L2 penalty.

    Raises:
        InputError: Too few rows, folds or classes, or scikit-learn is not installed.

    Reference:
        Conneau & Kiela, SentEval, arXiv:1803.05449.
    """
    from roformer_sim.evaluation.vectors.spectrum import unit_rows

    unit_rows(vectors)  # a matrix of finite, nonzero rows
    _needs_sklearn()
    from sklearn.preprocessing import StandardScaler

    matrix = np.asarray(vectors, np.float64)

    def features(train: Ints, test: Ints) -> tuple[Any, Any]:
        scaler = StandardScaler().fit(matrix[train])
        return scaler.transform(matrix[train]), scaler.transform(matrix[test])

    return _cross_validated(features, len(matrix), labels, folds, seed, grid)


def probe_texts(
    texts: Sequence[str],
    labels: Sequence[str],
    *,
    folds: int = 5,
    seed: int = 0,
    grid: Sequence[float] = TEXT_GRID,
) -> FoldScores:
    """The same classifier on a bag of characters: TF-IDF of single characters and pairs of neighbours.

    Characters are counted and weighted by the other folds' texts alone (``1 + log tf``, the 20,000 most
    frequent, rows of length 1). It knows the task's words and nothing else.

    Raises:
        InputError: As :func:`probe_vectors`.
    """
    _needs_sklearn()
    from sklearn.feature_extraction.text import TfidfVectorizer

    def features(train: Ints, test: Ints) -> tuple[Any, Any]:
        counter = TfidfVectorizer(
            analyzer="char", ngram_range=(1, 2), sublinear_tf=True, max_features=MAX_FEATURES
        )
        return counter.fit_transform([texts[i] for i in train]), counter.transform([texts[i] for i in test])

    return _cross_validated(features, len(texts), labels, folds, seed, grid)


def probe_majority(labels: Sequence[str], *, folds: int = 5, seed: int = 0) -> FoldScores:
    """What always saying the most frequent class of the other folds reaches.

    Raises:
        InputError: As :func:`probe_vectors`.
    """
    classes = _classes(labels, len(labels), folds)
    scores = FoldScores()
    for train, test in _divided(classes, folds, seed):
        said = np.full(len(test), np.bincount(classes[train]).argmax())
        _add(scores, classes[test], said)
    return scores


def _cross_validated(
    features: Callable[[Ints, Ints], tuple[Any, Any]],
    rows: int,
    labels: Sequence[str],
    folds: int,
    seed: int,
    grid: Sequence[float],
) -> FoldScores:
    classes = _classes(labels, rows, folds)
    scores = FoldScores()
    for train, test in _divided(classes, folds, seed):
        strength = grid[0]
        if len(grid) > 1:
            inner, held = next(_divided(classes[train], min(_INNER_FOLDS, folds - 1), seed))
            seen, asked = features(train[inner], train[held])
            right = [
                float(
                    np.mean(_fitted(seen, classes[train[inner]], c)[0].predict(asked) == classes[train[held]])
                )
                for c in grid
            ]
            strength = grid[int(np.argmax(right))]
        seen, asked = features(train, test)
        model, finished = _fitted(seen, classes[train], strength)
        scores.strengths.append(strength)
        scores.unfinished += not finished
        _add(scores, classes[test], model.predict(asked))
    return scores


def _fitted(rows: Any, classes: Ints, strength: float) -> tuple[Any, bool]:
    """The classifier, and whether it converged."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=strength, max_iter=_MAX_ITERATIONS, tol=1e-3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(rows, classes)
    return model, not any(issubclass(warning.category, ConvergenceWarning) for warning in caught)


def _divided(classes: Ints, folds: int, seed: int) -> Iterator[tuple[Ints, Ints]]:
    from sklearn.model_selection import StratifiedKFold

    return StratifiedKFold(folds, shuffle=True, random_state=seed).split(np.zeros(len(classes)), classes)


def _add(scores: FoldScores, right: Ints, said: Ints) -> None:
    from sklearn.metrics import f1_score

    scores.accuracy.append(float(np.mean(right == said)))
    # A class that is never said has F1 0.
    scores.macro_f1.append(float(f1_score(right, said, average="macro", zero_division=0)))


def _classes(labels: Sequence[str], rows: int, folds: int) -> Ints:
    """The labels as numbers."""
    _needs_sklearn()
    if folds < 3:
        raise InputError(f"folds must be at least 3, not {folds}: a part of the training rows chooses C")
    if len(labels) != rows:
        raise InputError(f"{rows} rows but {len(labels)} labels")
    names, classes, counts = np.unique(np.asarray(labels), return_inverse=True, return_counts=True)
    if len(names) < 2:
        raise InputError(f"a probe needs two classes, not {len(names)}")
    if counts.min() < folds:
        rare = names[counts.argmin()]
        raise InputError(f"class {rare!s} has {counts.min()} rows; {folds} folds need at least {folds}")
    return classes.astype(np.intp)


def _needs_sklearn() -> None:
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        raise InputError(SCIKIT_LEARN) from error
