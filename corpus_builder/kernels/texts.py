"""Python strings to flat arrays of code points and back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.uint32]
Offsets = npt.NDArray[np.int64]


def encode_texts(texts: Sequence[str]) -> tuple[Codes, Offsets]:
    """All texts laid end to end: ``(codes, offsets)``, half surrogate pairs included.

    Example:
        >>> codes, offsets = encode_texts(["你好", "", "吗"])
        >>> offsets.tolist(), [hex(code) for code in codes.tolist()]
        ([0, 2, 2, 3], ['0x4f60', '0x597d', '0x5417'])
    """
    encoded = "".join(texts).encode("utf-32-le", "surrogatepass")
    codes = np.frombuffer(encoded, "<u4").astype(np.uint32)  # a copy, since bytes cannot be written
    offsets = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)), out=offsets[1:])
    return codes, offsets


def as_codes(codes: npt.ArrayLike) -> Codes:
    """Code points as the kernels take them: one kind of array, so that they are compiled once."""
    return np.require(codes, np.uint32, ["C", "W"])


def as_integers(numbers: npt.ArrayLike) -> Offsets:
    """Offsets, bounds and such as the kernels take them."""
    return np.require(numbers, np.int64, ["C", "W"])


def decode_codes(codes: Codes) -> str:
    """The text of code points, the inverse of :func:`encode_texts` for one text."""
    return codes.astype("<u4", copy=False).tobytes().decode("utf-32-le", "surrogatepass")


def decode_texts(codes: Codes, offsets: Offsets) -> list[str]:
    """The texts, the inverse of :func:`encode_texts`."""
    text = decode_codes(codes)
    return [text[start:end] for start, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)]
