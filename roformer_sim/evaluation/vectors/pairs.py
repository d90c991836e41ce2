"""Similar and dissimilar pairs of a file: by its labels, or its pairs against random re-pairings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from corpus_builder.errors import InputError
from corpus_builder.readers import RowError, read_objects

BY_LABEL = "pairs of label 0"
BY_CHANCE = "random re-pairings of the positive pairs"
POSITIVE_SHARE = 0.8
_TRIES = 20
TextPair = tuple[str, str]


@dataclass(frozen=True)
class LabelledPairs:
    """Pairs whose sentences say the same, and pairs whose sentences do not.

    Attributes:
        file: Where they were read from.
        positives, negatives: The pairs.
        negatives_are: What the negatives are, in words.
        positives_are: What the positives are, in words.
        left_out: Pairs whose label says neither.
    """

    file: str
    positives: tuple[TextPair, ...]
    negatives: tuple[TextPair, ...]
    positives_are: str
    negatives_are: str
    left_out: int = 0

    @property
    def texts(self) -> list[str]:
        """Each distinct sentence of both once."""
        return list(dict.fromkeys(text for pair in (*self.positives, *self.negatives) for text in pair))


def read_labelled_pairs(path: str | Path, *, rows: int | None = None, seed: int = 0) -> LabelledPairs:
    """Read ``text_a``, ``text_b`` and, if there is one, ``label`` of TSV, CSV, JSON lines or Parquet.

    With labels a pair is positive from 0.8 of the largest label on (1 of 0 and 1; 4 of 0 to 5) and negative
    at 0; what lies between is neither. Without labels, or without a label of 0, every text_a of a positive
    pair stands with the text_b of another one drawn at random instead; re-pairings that are equal sentences
    or a pair of the file are drawn anew.

    Args:
        path: The file.
        rows: A random sample of so many pairs of the file; ``None`` for all.
        seed: Of the sample and of the re-pairings.

    Raises:
        InputError: A column is missing, a sentence empty, a label no number or below 0, some rows have a
            label and some have not; no positive pair, or none that can be re-paired.
    """
    rng = np.random.default_rng(seed)
    found = list(_rows(Path(path)))
    if not found:
        raise InputError(f"{path}: holds no pairs")
    largest = max((label for *_, label in found if label is not None), default=None)
    if largest is not None and largest <= 0:
        raise InputError(f"{path}: no positive pair: all labels are 0")
    known = {(a, b) for a, b, _ in found}
    if rows is not None and rows < len(found):
        found = [found[i] for i in np.sort(rng.choice(len(found), rows, replace=False))]
    if largest is None:
        positives, negatives, wording = (
            [(a, b) for a, b, _ in found],
            [],
            "all pairs (the file has no labels)",
        )
    else:
        bound = POSITIVE_SHARE * largest
        positives = [(a, b) for a, b, label in found if label is not None and label >= bound]
        negatives = [(a, b) for a, b, label in found if label == 0]
        wording = f"pairs of label {bound:g} and above" if largest != 1 else "pairs of label 1"
    if not positives:
        raise InputError(f"{path}: no positive pair among {len(found):,} rows; take more (--rows)")
    left_out = len(found) - len(positives) - len(negatives)
    kind = BY_LABEL
    if not negatives:
        kind, negatives = BY_CHANCE, _re_paired(positives, known, rng)
        if not negatives:
            raise InputError(
                f"{path}: no negative pair: no label is 0, and {len(positives):,} positive pairs cannot be "
                "paired differently"
            )
    return LabelledPairs(str(path), tuple(positives), tuple(negatives), wording, kind, left_out)


def _re_paired(positives: list[TextPair], known: set[TextPair], rng: np.random.Generator) -> list[TextPair]:
    found = []
    for a, _ in positives:
        for other in rng.integers(len(positives), size=_TRIES):
            b = positives[other][1]
            if a != b and (a, b) not in known and (b, a) not in known:
                found.append((a, b))
                break
    return found


def _rows(path: Path) -> Iterator[tuple[str, str, float | None]]:
    labelled: bool | None = None
    for line, row in read_objects(path):
        a, b = (checked_text(row, key, path, line) for key in ("text_a", "text_b"))
        has_label = row.get("label") is not None
        if labelled is None:
            labelled = has_label
        if labelled != has_label:
            raise RowError(str(path), line, "some rows have a label and some have none")
        yield a, b, _label(row["label"], path, line) if has_label else None


def checked_text(row: dict[str, Any], key: str, path: Path, line: int) -> str:
    """The sentence in a field of a row.

    Raises:
        RowError: The field is missing, no string, empty, or holds half a surrogate pair.
    """
    if key not in row:
        raise RowError(str(path), line, f'the column "{key}" is missing; the row has: {", ".join(row)}')
    text = row[key]
    if not isinstance(text, str):
        raise RowError(str(path), line, f'"{key}" must be a string, not {type(text).__name__}')
    if not text.strip():
        raise RowError(str(path), line, f'"{key}" is empty')
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise RowError(str(path), line, f'"{key}" holds a lone surrogate, which is no character')
    return text


def _label(value: object, path: Path, line: int) -> float:
    try:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError
        label = float(value)
    except (ValueError, OverflowError):
        raise RowError(str(path), line, f"the label {value!r} is not a number") from None
    if not 0 <= label < float("inf"):
        raise RowError(str(path), line, f"the label {value!r} must be finite and at least 0")
    return label
