"""What vectors are stored as: float32, half of it, a quarter, or a bit for each number.

Of unit vectors in ``d`` dimensions, and what two stored rows are compared by:

=========== ================ =================================================================
dtype       bytes a vector   cosine of two rows a, b
=========== ================ =================================================================
``float32`` 4 d              ``a . b``
``float16`` 2 d              ``a . b``, in float32
``int8``    d                ``a . b / (|a| |b|)``, in integers of 32 bits or in float32
``binary``  d / 8            ``cos(pi h / d)``, h bits that differ; larger h is less alike
=========== ================ =================================================================

int8: each row is multiplied so that its largest number is 127 or -127, and rounded. The factor is not kept,
because cosines do not need it; :func:`as_vectors` gives unit vectors back. A factor common to all rows would
waste most of the 255 steps: the numbers of a unit vector in 768 dimensions are about 0.04.

binary: 1 for numbers above 0, eight to a byte, the first is the highest bit, as ``numpy.packbits`` lays them
out (sentence-transformers calls this ``ubinary``). Two random hyperplanes tell vectors apart with probability
angle / pi (Charikar 2002, SimHash), hence the cosine.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from corpus_builder.errors import InputError

_LARGEST_HALF = float(np.finfo(np.float16).max)


class OutputDtype(StrEnum):
    """See the module."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    INT8 = "int8"
    BINARY = "binary"

    @classmethod
    def of(cls, name: str) -> OutputDtype:
        """The dtype of that name.

        Raises:
            InputError: There is none.
        """
        try:
            return cls(name)
        except ValueError:
            raise InputError(f"dtype must be one of {', '.join(cls)}, not {name!r}") from None

    def check(self, normalize: bool) -> None:
        """Refuse int8 of vectors whose lengths matter: it does not keep them.

        Raises:
            InputError: It is int8, and vectors are not normalised.
        """
        if self is OutputDtype.INT8 and not normalize:
            raise InputError("int8 keeps no lengths; normalise, or choose float32 or float16")


def stored_as(vectors: np.ndarray, dtype: OutputDtype | str) -> np.ndarray:
    """Vectors (n, d) float32 as they are stored.

    Returns:
        (n, d) float32, float16 or int8; binary (n, ceil(d / 8)) uint8.

    Raises:
        InputError: A number is too large for float16 (65,504), which those of unit vectors never are.

    Example:
        >>> stored_as(np.array([[0.6, -0.8]], np.float32), "int8")
        array([[  95, -127]], dtype=int8)
        >>> stored_as(np.array([[0.6, -0.8]], np.float32), "binary")
        array([[128]], dtype=uint8)
    """
    dtype = OutputDtype.of(dtype)
    if dtype is OutputDtype.FLOAT32:
        return np.asarray(vectors, np.float32)
    if dtype is OutputDtype.BINARY:
        return np.packbits(vectors > 0, axis=-1)
    largest = np.abs(vectors).max(axis=-1, keepdims=True, initial=0.0)
    if dtype is OutputDtype.FLOAT16:
        if largest.max(initial=0.0) > _LARGEST_HALF:
            raise InputError(f"a number of {largest.max():.6g} does not fit into float16; normalise")
        return vectors.astype(np.float16)
    return np.rint(vectors * (127 / np.maximum(largest, np.float32(1e-30)))).astype(np.int8)


def as_vectors(stored: np.ndarray, dimensions: int | None = None) -> np.ndarray:
    """Unit vectors (n, d) float32 of what :func:`stored_as` made of unit vectors, as near as it kept them.

    Args:
        stored: Of uint8, it is binary; its vectors have -1 and 1 over the root of ``d``.
        dimensions: Of binary, ``d`` where that is no multiple of 8.
    """
    if stored.dtype == np.uint8:
        bits = np.unpackbits(stored, axis=-1, count=dimensions)
        return (np.float32(2) * bits - np.float32(1)) / np.float32(np.sqrt(bits.shape[-1]))
    vectors = stored.astype(np.float32)
    if stored.dtype == np.int8:
        vectors /= np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), np.float32(1e-12))
    return vectors
