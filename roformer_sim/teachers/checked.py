"""What a teacher is, and the checks that every answer of one must pass."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from corpus_builder.errors import InputError

Teacher = Callable[[list[str]], np.ndarray]
"""n sentences to vectors (n, d), whose cosines say how similar the sentences are."""

PROBES = ("今天的天气怎么样？", "怎么开通花呗", "科学技术是第一生产力。")
_SHOWN = 40  # characters of a sentence in a message


class CheckedTeacher:
    """A teacher whose every answer is verified before anything is learned from it.

    Args:
        teach: the teacher.
        name: what messages call it, as a recipe names it.

    Attributes:
        dimension: d of its vectors, known from the first answer; all later ones must have it.

    Example:
        >>> teacher = CheckedTeacher(lambda texts: np.array([[len(text), 1] for text in texts]), "lengths")
        >>> teacher(["你好", "你好吗"])
        array([[2., 1.],
               [3., 1.]], dtype=float32)
    """

    def __init__(self, teach: Teacher, name: str) -> None:
        self.name = name
        self.dimension: int | None = None
        self._teach = teach

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """Vectors of the sentences, float32 (n, d), n at least 1.

        Raises:
            InputError: The teacher failed; or its answer is no array of n rows, has another dimension than
                before, or a row that is not finite or all zeros, which has no cosine.
        """
        texts = list(texts)
        if not texts:
            raise InputError(f"teacher {self.name}: was given no sentences")
        try:
            answer = self._teach(texts)
        except InputError:
            raise
        except Exception as error:
            raise InputError(f"teacher {self.name}: failed: {type(error).__name__}: {error}") from error
        vectors = checked_vectors(answer, texts, self.name, self.dimension)
        self.dimension = vectors.shape[1]
        return vectors

    def probe(self) -> np.ndarray:
        """Its vectors of three fixed sentences: finds a broken teacher early, and tells two teachers apart.

        Returns:
            float32 (3, d).

        Raises:
            InputError: As for any call.
        """
        return self(PROBES)

    def missing(self, texts: Sequence[str]) -> list[str]:
        """Texts that it has no vectors of: none, it computes them."""
        return []


class RememberingTeacher(CheckedTeacher):
    """A teacher that is not asked twice for one of the last sentences: training meets its texts again.

    Args:
        teacher: The teacher.
        size: Most vectors remembered, those used last; 100,000 of 512 numbers are 200 MB.
    """

    def __init__(self, teacher: CheckedTeacher, size: int = 100_000) -> None:
        super().__init__(teacher, teacher.name)
        self.dimension = teacher.dimension
        self._size = size
        self._vectors: OrderedDict[str, np.ndarray] = OrderedDict()

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """As :meth:`CheckedTeacher.__call__`; the teacher sees each new sentence once."""
        texts = list(texts)
        new = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        found = {text: self._vectors[text] for text in texts if text in self._vectors}
        if new or not texts:
            # Copied: a row of the answer would keep all of it in memory.
            found.update((text, row.copy()) for text, row in zip(new, super().__call__(new), strict=True))
        for text in texts:
            self._vectors[text] = found[text]
            self._vectors.move_to_end(text)
        while len(self._vectors) > self._size:
            self._vectors.popitem(last=False)
        return np.stack([found[text] for text in texts])


def checked_vectors(answer: Any, texts: Sequence[str], name: str, dimension: int | None) -> np.ndarray:
    """A teacher's answer as float32 (n, d).

    Args:
        answer: What it returned for ``texts``.
        name: Of the teacher, for messages.
        dimension: The d it must have; ``None`` for any.

    Raises:
        InputError: See :meth:`CheckedTeacher.__call__`; names the teacher and the first bad sentence.
    """
    try:
        vectors = np.asarray(answer, np.float32)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"teacher {name}: expected an array of numbers of shape ({len(texts)}, d), "
            f"found {type(answer).__name__} ({error})"
        ) from None
    if vectors.ndim != 2 or len(vectors) != len(texts) or not vectors.shape[1]:
        raise InputError(
            f"teacher {name}: expected shape ({len(texts)}, d), a row for each sentence, "
            f"found {vectors.shape}; first sentence: {shown(texts[0])}"
        )
    if dimension is not None and vectors.shape[1] != dimension:
        raise InputError(
            f"teacher {name}: expected {dimension} dimensions as before, found {vectors.shape[1]}; "
            f"first sentence: {shown(texts[0])}"
        )
    # One product sees both: it is 0 for zeros, and not finite where an entry is not (or its square is not).
    squares = np.einsum("ij,ij->i", vectors, vectors)
    if not (np.isfinite(squares) & (squares > 0)).all():
        _refuse_rows(vectors, texts, name)
    return vectors


def _refuse_rows(vectors: np.ndarray, texts: Sequence[str], name: str) -> None:
    """Raise for the first row that is not finite or has no direction; squares may only have overflowed."""
    finite = np.isfinite(vectors).all(axis=1)
    bad = np.flatnonzero(~finite | ~vectors.any(axis=1))
    if not len(bad):
        return
    row = int(bad[0])
    what = "holds NaN or infinity" if not finite[row] else "is all zeros, so that it has no cosine"
    others = f", and {len(bad) - 1} more of {len(texts)}" if len(bad) > 1 else ""
    raise InputError(
        f"teacher {name}: its vector of {shown(texts[row])} {what}{others}; expected finite numbers, not "
        "all zero: correct the teacher, or take the sentence out"
    )


def shown(text: str) -> str:
    """A sentence in quotes for a message, cut if it is long."""
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")


def cosine_rows(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cosine of each row of ``a`` with the same row of ``b``, both (n, d): float64 (n,) in [-1, 1]."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.asarray((a * b).sum(axis=1) / lengths)
