"""Which cosine means "the same"? Thresholds and probabilities from labelled pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from corpus_builder.errors import InputError

FOLDS = 5
Method = Literal["isotonic", "platt"]
Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Threshold:
    """Pairs with a cosine of at least ``value`` are called the same.

    Attributes:
        value: The cosine.
        precision: Share of the pairs called the same that are.
        recall: Share of the pairs that are the same that are called so.
    """

    value: float
    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0

    def to_dict(self) -> dict[str, float]:
        """Rounded, for JSON."""
        values = {"threshold": self.value, "precision": self.precision, "recall": self.recall, "f1": self.f1}
        return {name: round(float(value), 6) for name, value in values.items()}


@dataclass(frozen=True)
class Calibration:
    """From a cosine to the probability that two sentences mean the same.

    Attributes:
        method: ``"isotonic"``: a rising line through ``points``; ``"platt"``: 1 / (1 + exp(-(a s + b))).
        points: isotonic: cosines and probabilities, (n, 2); platt: [[a, b]].

    Example:
        >>> line = Calibration("isotonic", np.array([[0.5, 0.0], [0.9, 1.0]]))
        >>> line.probability([0.4, 0.7, 0.95]).round(2).tolist()
        [0.0, 0.5, 1.0]
    """

    method: Method
    points: Array

    @classmethod
    def fit(cls, scores: Array, same: npt.NDArray[np.bool_], method: Method) -> Calibration:
        """Fit with scikit-learn: isotonic regression, or logistic regression with hardly a penalty."""
        if method == "isotonic":
            from sklearn.isotonic import IsotonicRegression

            fitted = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(scores, same)
            return cls(method, np.column_stack([fitted.X_thresholds_, fitted.y_thresholds_]))
        from sklearn.linear_model import LogisticRegression

        line = LogisticRegression(C=1e6, max_iter=1000).fit(scores[:, None], same)
        return cls(method, np.array([[line.coef_[0, 0], line.intercept_[0]]], np.float64))

    def probability(self, scores: npt.ArrayLike) -> Array:
        """Probabilities of cosines, of any shape."""
        values = np.asarray(scores, np.float64)
        if self.method == "isotonic":
            return np.asarray(np.interp(values, self.points[:, 0], self.points[:, 1]))
        a, b = self.points[0]
        return np.asarray(1 / (1 + np.exp(-np.clip(a * values + b, -500, 500))))

    def to_dict(self) -> dict[str, Any]:
        """For JSON; :meth:`from_dict` reads it."""
        return {"method": self.method, "points": self.points.round(6).tolist()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Calibration:
        """What :meth:`to_dict` gave.

        Raises:
            InputError: It did not.
        """
        try:
            method, points = values["method"], np.array(values["points"], np.float64)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"calibration: expected method and points ({error})") from None
        if method not in ("isotonic", "platt") or points.ndim != 2 or points.shape[1] != 2:
            raise InputError("calibration: expected method isotonic or platt, and points of two numbers")
        return cls(method, points)


@dataclass(frozen=True)
class ThresholdReport:
    """What labelled pairs say about a model's cosines.

    Attributes:
        pairs, same: All pairs, and those labelled as the same.
        best: The threshold with the highest F1, on these pairs.
        held_out_f1: F1 on each fifth of the pairs with the threshold of the other four, averaged.
        targets: Wanted precision to the lowest threshold that reaches it; None where none does.
        average_precision: Area under the precision-recall curve.
        calibration: Fitted on all pairs.
        brier: Mean squared difference of probability and label, each fifth judged by the other four.
        curve: Thresholds, precision and recall, (n, 3), rising thresholds.
    """

    pairs: int
    same: int
    best: Threshold
    held_out_f1: float
    targets: dict[float, Threshold | None]
    average_precision: float
    calibration: Calibration
    brier: float
    curve: Array

    def to_dict(self) -> dict[str, Any]:
        """For JSON, without the curve."""
        return {
            "pairs": self.pairs,
            "same": self.same,
            "best_f1": self.best.to_dict(),
            "held_out_f1": round(self.held_out_f1, 6),
            "precision": {f"{wanted:g}": t and t.to_dict() for wanted, t in self.targets.items()},
            "average_precision": round(self.average_precision, 6),
            "calibration": {**self.calibration.to_dict(), "brier": round(self.brier, 6)},
        }


def find_thresholds(
    scores: npt.ArrayLike,
    same: npt.ArrayLike,
    *,
    precisions: tuple[float, ...] = (0.9,),
    method: Method = "isotonic",
    seed: int = 0,
) -> ThresholdReport:
    """Thresholds and probabilities from cosines and labels.

    Args:
        scores: (n,) cosines.
        same: (n,) whether the pair means the same.
        precisions: For each the lowest threshold is found whose precision is at least so high.
        method: Of the probabilities. Isotonic takes any rising shape and wants a thousand pairs; Platt's line
            does with a hundred.
        seed: Of the split into fifths.

    Raises:
        InputError: scikit-learn is not installed; labels that are all the same; fewer than five of a kind;
            NaN.
    """
    values, labels = np.asarray(scores, np.float64), np.asarray(same, np.bool_)
    _check(values, labels, precisions, method)
    from sklearn.metrics import average_precision_score

    curve = _curve(values, labels)
    best = _best(curve)
    folds = _folds(labels, seed)
    probabilities = np.empty(len(values))
    f1 = []
    for fold in range(FOLDS):
        inside = folds == fold
        learned = Calibration.fit(values[~inside], labels[~inside], method)
        probabilities[inside] = learned.probability(values[inside])
        f1.append(
            _at(_best(_curve(values[~inside], labels[~inside])).value, values[inside], labels[inside]).f1
        )
    return ThresholdReport(
        pairs=len(labels),
        same=int(labels.sum()),
        best=best,
        held_out_f1=float(np.mean(f1)),
        targets={wanted: _for_precision(curve, wanted) for wanted in precisions},
        average_precision=float(average_precision_score(labels, values)),
        calibration=Calibration.fit(values, labels, method),
        brier=float(np.mean((probabilities - labels) ** 2)),
        curve=curve,
    )


def _check(values: Array, labels: npt.NDArray[np.bool_], precisions: tuple[float, ...], method: str) -> None:
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"thresholds need scikit-learn ({error}): pip install 'roformer-sim[search]'"
        ) from None
    if values.ndim != 1 or values.shape != labels.shape:
        raise InputError(f"expected as many labels as cosines, found {labels.shape} and {values.shape}")
    if not np.isfinite(values).all():
        raise InputError(f"the cosine of pair {int(np.flatnonzero(~np.isfinite(values))[0])} (from 0) is NaN")
    positives = int(labels.sum())
    if positives in (0, len(labels)):
        which = "the same" if positives else "different"
        raise InputError(
            f"all {len(labels)} pairs are labelled as {which}: a threshold needs pairs of both kinds "
            "(--same says from which label on a pair is the same)"
        )
    if min(positives, len(labels) - positives) < FOLDS:
        raise InputError(
            f"{positives} pairs are the same and {len(labels) - positives} are not; at least {FOLDS} of each "
            "are needed"
        )
    for wanted in precisions:
        if not 0 < wanted <= 1:
            raise InputError(f"precision must be above 0 and at most 1, not {wanted}")
    if method not in ("isotonic", "platt"):
        raise InputError(f"method {method!r}: must be isotonic or platt")


def _curve(values: Array, labels: npt.NDArray[np.bool_]) -> Array:
    """Precision and recall at each cosine that occurs: (n, 3), rising cosines."""
    from sklearn.metrics import precision_recall_curve

    precision, recall, thresholds = precision_recall_curve(labels, values)
    return np.column_stack([thresholds, precision[:-1], recall[:-1]])


def _best(curve: Array) -> Threshold:
    f1 = 2 * curve[:, 1] * curve[:, 2] / np.maximum(curve[:, 1] + curve[:, 2], 1e-12)
    return Threshold(*map(float, curve[int(f1.argmax())]))


def _for_precision(curve: Array, wanted: float) -> Threshold | None:
    """The lowest threshold, and so the highest recall, of that precision."""
    reached = np.flatnonzero(curve[:, 1] >= wanted - 1e-12)
    return Threshold(*map(float, curve[reached[0]])) if len(reached) else None


def _at(value: float, values: Array, labels: npt.NDArray[np.bool_]) -> Threshold:
    called = values >= value
    hits = float((called & labels).sum())
    return Threshold(value, hits / max(1, called.sum()), hits / max(1, labels.sum()))


def _folds(labels: npt.NDArray[np.bool_], seed: int) -> npt.NDArray[np.int64]:
    """A fifth for each pair, drawn so that both kinds are spread evenly."""
    rng = np.random.default_rng(seed)
    folds = np.empty(len(labels), np.int64)
    for kind in (True, False):
        rows = rng.permutation(np.flatnonzero(labels == kind))
        folds[rows] = np.arange(len(rows)) % FOLDS
    return folds
