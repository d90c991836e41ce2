"""What an index asks of an encoder: vectors of length 1, and a mark that tells it from others."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.retrieval.whitening import Whitening

if TYPE_CHECKING:
    from roformer_sim.model import RoFormerSim

EncodeFunction = Callable[[list[str]], np.ndarray]

MAXLEN = 256


@dataclass(frozen=True)
class TextEncoder:
    """Sentences to vectors for an index.

    Args:
        encode: n sentences to vectors (n, d), not yet whitened; any length.
        about: What tells it from others: ``{"model": "mine", "version": 3}``.
        whitening: Applied to what ``encode`` returns.
        name: For people; an encoder of another name may be the same.

    Example:
        >>> encoder = TextEncoder(lambda texts: np.array([[len(t), 1] for t in texts]), {"model": "lengths"})
        >>> encoder(["你好", "你好吗"]).round(3).tolist()
        [[0.894, 0.447], [0.949, 0.316]]
    """

    encode: EncodeFunction
    about: dict[str, str | int | bool | None]
    whitening: Whitening | None = None
    name: str = ""

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """Vectors of length 1, float32 (n, d).

        Raises:
            InputError: Not n rows, NaN, or a vector without a direction.
        """
        vectors = np.asarray(self.encode(list(texts)), np.float32)
        if vectors.ndim != 2 or len(vectors) != len(texts):
            raise InputError(f"the encoder gave shape {vectors.shape} for {len(texts)} texts")
        if self.whitening is not None:
            vectors = self.whitening.transform(vectors, normalize=False)
        return unit_rows(vectors, texts)

    @property
    def fingerprint(self) -> str:
        """Hash of ``about`` and of the whitening, 16 hexadecimal digits."""
        digest = hashlib.sha256(json.dumps(self.about, sort_keys=True).encode())
        if self.whitening is not None:
            for array in (self.whitening.mean, self.whitening.directions, self.whitening.variances):
                digest.update(np.ascontiguousarray(array, "<f8").data)
        return digest.hexdigest()[:16]

    def described(self) -> dict[str, str | int | bool | None]:
        """Name, ``about``, and the whitening's dimensions."""
        whitening = None if self.whitening is None else self.whitening.dimension
        return {"name": self.name, **self.about, "whitening": whitening}


def preset_encoder(
    model: RoFormerSim,
    *,
    name: str = "",
    pooling: str | None = None,
    maxlen: int = MAXLEN,
    whitening: Whitening | None = None,
) -> TextEncoder:
    """A loaded preset as the encoder of an index.

    Args:
        name: What people call it; two presets of other weights differ whatever it says.
        pooling: P1 to P4; ``None`` is the model's own.
        whitening: See :class:`roformer_sim.retrieval.Whitening`; must have been fitted on this pooling.

    Raises:
        InputError: The whitening was fitted on another model, pooling or dimension.
    """
    from roformer_sim.checkpoints.fingerprint import fingerprint
    from roformer_sim.models import Pooling

    chosen = Pooling(model.config.pooling if pooling is None else pooling)
    mark = fingerprint(model.config, model.tokenizer, model.network.weights())
    if whitening is not None:
        whitening.check(mark, chosen.value)

    def encode(texts: list[str]) -> np.ndarray:
        return model.encode(texts, pooling=chosen, normalize=False, maxlen=maxlen)

    return TextEncoder(encode, {"weights": mark, "pooling": chosen.value, "maxlen": maxlen}, whitening, name)


def unit_rows(vectors: np.ndarray, texts: Sequence[str] | None = None) -> np.ndarray:
    """Each row scaled to length 1, float32.

    Raises:
        InputError: A row holds NaN or infinity, or is all zeros and has no direction.
    """
    vectors = np.asarray(vectors, np.float32)
    if vectors.ndim != 2 or not vectors.shape[1]:
        raise InputError(f"expected vectors (n, d), found shape {vectors.shape}")
    lengths = np.linalg.norm(vectors, axis=1)
    bad = np.flatnonzero(~np.isfinite(lengths) | (lengths == 0))
    if len(bad):
        row = int(bad[0])
        what = "is all zeros, so that it has no cosine" if lengths[row] == 0 else "holds NaN or infinity"
        of = "" if texts is None else f" of {texts[row][:40]!r}"
        others = f", and {len(bad) - 1} more" if len(bad) > 1 else ""
        raise InputError(f"vector {row} (from 0){of} {what}{others}; nothing was added")
    return np.asarray(vectors / lengths[:, None], np.float32)
