"""BERT-whitening: sentence vectors turned and scaled so that their covariance is the identity.

Reference:
    Su, Cao, Liu, Ou: Whitening Sentence Representations for Better Semantics and Faster Retrieval
    (arXiv:2103.15316).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from corpus_builder.errors import InputError
from corpus_builder.writers.part_file import remove_leftovers, sync_folder, temporary_path

FORMAT = "roformer-sim-whitening-1"
MEAN, DIRECTIONS, VARIANCES = "mean", "directions", "variances"


def whitening_path(preset: str | Path, pooling: str) -> Path:
    """Where a preset folder keeps the whitening of one of its vectors."""
    return Path(preset) / f"whitening.{pooling}.safetensors"


FLAT = 1e-10
"""Directions with less than this share of the largest variance count as none: it is round-off."""

Array = npt.NDArray[np.floating[Any]]


class Moments:
    """Mean and covariance of vectors that come in blocks, in float64.

    Two sets are put together by Chan's rule, with n = n_a + n_b and D = mean_b - mean_a:
    mean = mean_a + D n_b / n, scatter = scatter_a + scatter_b + D D^T n_a n_b / n. Unlike sums of squares
    it does not cancel where the mean is large beside the spread, as it is with sentence vectors.

    Attributes:
        count: Vectors seen.
        mean: (d,).
        scatter: Sum of (x - mean)(x - mean)^T, (d, d).
    """

    def __init__(self, dimension: int) -> None:
        self.count = 0
        self.mean = np.zeros(dimension)
        self.scatter = np.zeros((dimension, dimension))

    def add(self, vectors: Array) -> None:
        """Take a block (n, d).

        Raises:
            InputError: Another d than before, NaN or infinity.
        """
        vectors = np.asarray(vectors, np.float64)
        if vectors.ndim != 2 or vectors.shape[1] != len(self.mean):
            raise InputError(
                f"whitening: expected vectors (n, {len(self.mean)}), found shape {vectors.shape}"
            )
        if not np.isfinite(vectors).all():
            row = int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
            raise InputError(f"whitening: vector {self.count + row} (from 0) holds NaN or infinity")
        if not len(vectors):
            return
        block = Moments(len(self.mean))
        block.count, block.mean = len(vectors), vectors.mean(axis=0)
        centred = vectors - block.mean
        block.scatter = centred.T @ centred
        self.merge(block)

    def merge(self, other: Moments) -> None:
        """Take all vectors that ``other`` has seen."""
        count = self.count + other.count
        if not count:
            return
        shift = other.mean - self.mean
        self.scatter += other.scatter + np.outer(shift, shift) * (self.count * other.count / count)
        self.mean += shift * (other.count / count)
        self.count = count

    @property
    def covariance(self) -> npt.NDArray[np.float64]:
        """scatter / n, (d, d)."""
        return np.asarray(self.scatter / self.count)


class Whitening:
    """x to (x - mean) U sqrt(Lambda)^-1, where U Lambda U^T is the covariance, largest variances first.

    Vectors are whitened before they are scaled to length 1, never after. A vector with all its directions has
    covariance 1 over the texts it was fitted on; the first d of them are what principal component analysis
    would keep.

    Args:
        mean: (d,).
        directions: Columns of U, (d, k).
        variances: Lambda, (k,), descending, positive.
        about: What it was fitted on: ``{"texts": 100000, "pooling": "P1", "encoder": "..."}``; saved with it.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> vectors = rng.normal(3, 1, (1000, 4)) @ rng.normal(size=(4, 4))
        >>> whitening = Whitening.fit([vectors[:500], vectors[500:]])
        >>> np.cov(whitening.transform(vectors, normalize=False).T, bias=True).round(3).tolist()[0]
        [1.0, 0.0, 0.0, 0.0]
    """

    def __init__(
        self, mean: Array, directions: Array, variances: Array, about: Mapping[str, Any] | None = None
    ) -> None:
        self.mean = np.asarray(mean, np.float64)
        self.directions = np.asarray(directions, np.float64)
        self.variances = np.asarray(variances, np.float64)
        self.about = dict(about or {})
        self._centre = self.mean.astype(np.float32)
        self._kernel = (self.directions / np.sqrt(self.variances)).astype(np.float32)

    @classmethod
    def fit(
        cls,
        blocks: Iterable[Array],
        dimension: int | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> Whitening:
        """Fit on a stream of blocks (n, d); memory is that of a block and of d x d numbers.

        Args:
            blocks: Vectors as the encoder gives them, not scaled to length 1.
            dimension: Keep the first so many directions (the paper: 256); ``None``: all that have variance.
                A post-norm network has d - 1 of them for P1: its last LayerNorm fixes a sum, and the
                published code divides by the round-off of that direction.

        Raises:
            InputError: Fewer than two vectors, NaN, or fewer directions with variance than wanted.
        """
        moments: Moments | None = None
        for block in blocks:
            block = np.asarray(block)
            if block.ndim != 2 or not block.shape[1]:
                raise InputError(f"whitening: expected vectors (n, d), found shape {block.shape}")
            moments = moments or Moments(block.shape[1])
            moments.add(block)
        if moments is None or moments.count < 2:
            raise InputError("whitening: at least two vectors are needed; give more texts")
        return cls.of_moments(moments, dimension, about)

    @classmethod
    def of_moments(
        cls, moments: Moments, dimension: int | None = None, about: Mapping[str, Any] | None = None
    ) -> Whitening:
        """From a mean and a covariance; see :meth:`fit`."""
        variances, directions = np.linalg.eigh(moments.covariance)
        variances, directions = variances[::-1], directions[:, ::-1]
        rank = int((variances > FLAT * variances[0]).sum()) if variances[0] > 0 else 0
        wanted = rank if dimension is None else dimension
        if not 1 <= wanted <= rank:
            raise InputError(
                f"whitening: {wanted} dimensions are wanted, {moments.count} vectors of {len(variances)} "
                f"numbers vary in {rank} directions; fit on more texts, or ask for fewer dimensions"
            )
        # The sign of an eigenvector is free: the largest entry is made positive, so that a fit is repeatable.
        signs = np.sign(directions[np.abs(directions).argmax(axis=0), np.arange(directions.shape[1])])
        return cls(
            moments.mean,
            (directions * signs)[:, :wanted],
            variances[:wanted],
            {"texts": moments.count, **(about or {})},
        )

    @property
    def input_dimension(self) -> int:
        """d: numbers of a vector that is given."""
        return len(self.mean)

    @property
    def dimension(self) -> int:
        """k: numbers of a whitened vector."""
        return len(self.variances)

    def check(self, weights: str, pooling: str) -> None:
        """Refuse to be used on another model or pooling than it says it was fitted on.

        Args:
            weights: :func:`roformer_sim.checkpoints.fingerprint.fingerprint` of the model.
            pooling: P1 to P4.

        Raises:
            InputError: It was fitted on another.
        """
        for key, value in (("weights", weights), ("pooling", pooling)):
            found = self.about.get(key)
            if found is not None and found != value:
                raise InputError(
                    f"the whitening was fitted on {key} {found}, these vectors have {key} {value}; "
                    "fit one: roformer-sim whiten fit"
                )

    def first(self, dimension: int) -> Whitening:
        """The same with the first so many directions.

        Raises:
            InputError: It has fewer.
        """
        if not 1 <= dimension <= self.dimension:
            raise InputError(f"whitening: has {self.dimension} dimensions, {dimension} are wanted")
        return Whitening(
            self.mean, self.directions[:, :dimension], self.variances[:dimension], about=self.about
        )

    def transform(self, vectors: Array, *, normalize: bool = True) -> npt.NDArray[np.float32]:
        """Whitened vectors, float32 (n, k) of (n, d), or (k,) of (d,).

        Args:
            normalize: Scale to length 1 afterwards, so that a product is a cosine.

        Raises:
            InputError: Another d than it was fitted on.
        """
        vectors = np.asarray(vectors, np.float32)
        if vectors.ndim not in (1, 2) or vectors.shape[-1] != self.input_dimension:
            raise InputError(
                f"whitening: was fitted on vectors of {self.input_dimension} numbers, "
                f"found shape {vectors.shape}"
            )
        white = (vectors - self._centre) @ self._kernel
        if normalize:
            white /= np.maximum(np.linalg.norm(white, axis=-1, keepdims=True), 1e-12)
        return np.asarray(white, np.float32)

    def save(self, path: str | Path) -> None:
        """Write a safetensors file, whole or not at all.

        Raises:
            InputError: It cannot be written.
        """
        from roformer_sim.checkpoints.preset import write_safetensors

        path = Path(path)
        if path.is_dir():
            raise InputError(f"{path}: is a folder; name a file in it")
        arrays = {MEAN: self.mean, DIRECTIONS: self.directions, VARIANCES: self.variances}
        header = {"format": FORMAT, "about": json.dumps(self.about, ensure_ascii=False, sort_keys=True)}
        temporary = temporary_path(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            remove_leftovers(path)
            write_safetensors(temporary, {n: np.ascontiguousarray(a) for n, a in arrays.items()}, header)
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
            sync_folder(path.parent)
        except OSError as error:
            raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error
        finally:
            temporary.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: str | Path) -> Whitening:
        """Read what :meth:`save` wrote.

        Raises:
            InputError: No such file, damaged, of another kind, or with numbers that cannot be.
        """
        path = Path(path)
        try:
            with safe_open(path, "numpy") as file:
                header = file.metadata() or {}
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            about = json.loads(header.get("about", "{}"))
        except FileNotFoundError:
            raise InputError(f"{path}: no such file; roformer-sim whiten fit makes one") from None
        except (SafetensorError, OSError, ValueError) as error:
            raise InputError(f"{path}: not a complete whitening file: {error}") from None
        if header.get("format") != FORMAT or set(arrays) != {MEAN, DIRECTIONS, VARIANCES}:
            raise InputError(f"{path}: is no whitening ({FORMAT})")
        mean, directions, variances = arrays[MEAN], arrays[DIRECTIONS], arrays[VARIANCES]
        if mean.ndim != 1 or variances.ndim != 1 or directions.shape != (len(mean), len(variances)):
            raise InputError(f"{path}: its arrays do not fit one another")
        if not all(np.isfinite(array).all() for array in arrays.values()) or not (variances > 0).all():
            raise InputError(f"{path}: holds NaN, infinity or a variance that is not positive")
        return cls(mean, directions, variances, about)


def note_in_preset(folder: str | Path, whitening: Whitening) -> None:
    """Write into the preset's ``metadata.json`` what its whitening was fitted on; atomic.

    The file of the whitening says the same: the note is for people.

    Raises:
        InputError: The preset has damaged metadata, or cannot be written.
    """
    from corpus_builder.writers import AtomicWriter
    from roformer_sim.checkpoints.preset import METADATA, read_json

    path = Path(folder) / METADATA
    metadata = read_json(path) if path.exists() else {}
    noted = {**whitening.about, "dimensions": whitening.dimension}
    metadata["whitening"] = {**metadata.get("whitening", {}), str(noted.get("pooling")): noted}
    with AtomicWriter(path) as out:
        out.write_line(json.dumps(metadata, ensure_ascii=False, indent=2))
