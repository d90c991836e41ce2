"""Decontamination: no sentence of a benchmark may reach the training text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from corpus_builder.readers import Format, format_of, read_lines, read_objects, read_sts
from corpus_builder.similarity import normalise


class Exclusion:
    """The texts of benchmark files; ``text in exclusion`` compares after :func:`similarity.normalise`.

    Files: STS tables (``.tsv``), JSON lines, CSV and Parquet (every string, also those in lists), or plain
    text, one a line; each also ``.gz``, ``.zst`` or ``.xz``.

    Args:
        texts: the texts.
        simplified: compare traditional characters as the simplified ones.

    Example:
        >>> exclusion = Exclusion(["今天天气怎么样？"])
        >>> "今天 天气怎么样" in exclusion
        True
    """

    def __init__(self, texts: Iterable[str] = (), *, simplified: bool = False) -> None:
        self._simplified = simplified
        self._texts = {normalise(text, simplified=simplified) for text in texts} - {""}

    @classmethod
    def from_files(cls, paths: Iterable[str | Path], *, simplified: bool = False) -> Exclusion:
        """Read all texts of the given files. Errors as in :mod:`corpus_builder.readers`, never skipped."""
        return cls((text for path in paths for text in _file_texts(Path(path))), simplified=simplified)

    def __len__(self) -> int:
        return len(self._texts)

    def __contains__(self, text: str) -> bool:
        return normalise(text, simplified=self._simplified) in self._texts

    def hashes(self) -> npt.NDArray[np.uint64]:
        """The normalised texts as 64-bit hashes, growing; see :mod:`corpus_builder.kernels.hashing`."""
        from corpus_builder.kernels.hashing import span_hashes
        from corpus_builder.kernels.texts import encode_texts

        return np.unique(span_hashes(*encode_texts(sorted(self._texts))))

    def has_normalised(self, normalised: str) -> bool:
        """The same test for a text that has gone through ``normalise`` already."""
        return normalised in self._texts


def _file_texts(path: Path) -> Iterator[str]:
    form = format_of(path)
    if form is Format.TSV:
        for row in read_sts(path):
            yield row.text_a
            yield row.text_b
    elif form is None or form is Format.TEXT:
        for _, line in read_lines(path):
            yield line
    else:
        for _, row_json in read_objects(path):
            yield from _strings(row_json)


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
