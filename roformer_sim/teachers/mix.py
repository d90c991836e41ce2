"""Several caches as one teacher: vectors beside each other, so that cosines are averaged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.teachers.cache import CachedTeacher, CacheWriter, read_keys, read_manifest
from roformer_sim.teachers.keys import KeyIndex

_BLOCK = 8192


@dataclass(frozen=True)
class Part:
    """A cache that is mixed in.

    Attributes:
        folder: The cache.
        weight: Its share of the mixed cosine; the weights of all parts add up to 1 in effect.
    """

    folder: Path
    weight: float = 1.0


def mix_caches(output: str | Path, parts: Sequence[Part], *, centre: bool = True) -> int:
    """Write a cache of the texts that all of ``parts`` hold.

    Each part's vectors are scaled to length 1, with ``centre`` after their mean has been taken away, and
    stand beside one another times the root of their weight: a cosine of two mixed vectors is the weighted
    mean of the parts' cosines. Centring spreads the cosines of a teacher that finds everything alike (those
    of multilingual-e5 lie between 0.7 and 1), which a squared difference of cosines hardly tells apart.

    Returns:
        Texts in it. A cache that is there must be of the same mixture; it is added to.

    Raises:
        InputError: No part, a weight that is not above 0, or no text that all hold.
    """
    if not parts or any(part.weight <= 0 for part in parts):
        raise InputError("give at least one cache, and weights above 0")
    opened = [_Part(part, centre) for part in parts]
    total = sum(part.weight for part in parts)
    scales = [np.sqrt(part.weight / total) for part in parts]
    probe = np.hstack([part.turned(part.probe) * scale for part, scale in zip(opened, scales, strict=True)])
    names = " + ".join(
        f"{part.weight / total:.2f} {one.name}" for part, one in zip(parts, opened, strict=True)
    )
    name = f"{names}{', centred' if centre else ''}"
    with CacheWriter(output, name, probe) as writer:
        known = KeyIndex(writer.keys())
        for keys, rows in _shared(opened):
            new = known.rows(keys) < 0
            if new.any():
                vectors = [
                    part.rows(r[new]) * scale for part, r, scale in zip(opened, rows, scales, strict=True)
                ]
                writer.append_keys(keys[new], np.hstack(vectors))
        if not writer.manifest.count:
            raise InputError("no text is in all of the caches")
        return writer.manifest.count


class _Part:
    def __init__(self, part: Part, centre: bool) -> None:
        manifest = read_manifest(part.folder)
        cache = CachedTeacher(part.folder)
        self.name, self.probe = manifest.teacher, np.array(manifest.probe)
        self.keys, self._vectors = read_keys(part.folder, manifest.count), cache.vectors
        self.index = KeyIndex(self.keys)
        self._mean = np.zeros(manifest.dimension)
        if centre:
            sums = [self._unit(block).sum(axis=0) for block in cache.blocks()]
            self._mean = np.sum(sums, axis=0) / manifest.count

    def rows(self, rows: np.ndarray) -> np.ndarray:
        return self.turned(self._vectors[rows])

    def turned(self, vectors: np.ndarray) -> np.ndarray:
        return np.asarray(self._unit(self._unit(vectors) - self._mean), np.float32)

    @staticmethod
    def _unit(vectors: np.ndarray) -> np.ndarray:
        rows = np.asarray(vectors, np.float64)
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def _shared(parts: Sequence[_Part]) -> Iterator[tuple[np.ndarray, list[np.ndarray]]]:
    """Keys that all parts hold, block by block, and the row of each in each part."""
    first = parts[0]
    for start in range(0, len(first.keys), _BLOCK):
        keys = first.keys[start : start + _BLOCK]
        rows = [part.index.rows(keys) for part in parts]
        everywhere = np.all([found >= 0 for found in rows], axis=0)
        # Of equal keys the index knows the first, so that a text that stands twice is taken once.
        everywhere &= rows[0] == np.arange(start, start + len(keys))
        yield keys[everywhere], [found[everywhere] for found in rows]
