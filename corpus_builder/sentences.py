"""The texts of training files of any shape: whole for a teacher, as sentences for a vocabulary."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from corpus_builder.readers import Format, OnReject, RowError, format_of, read_objects, read_texts
from corpus_builder.segmentation import split_sentences

# The fields of each shape that hold text; a list of strings counts as several.
_FIELDS = (
    *("text", "synonyms", "text_a", "text_b", "anchor", "positive", "negative"),
    *("question", "answers", "title", "paragraphs"),
)
_PAIRED = ("synonyms", "text_a", "anchor")  # rows that hold sentences, not texts to be cut


def training_texts(paths: Iterable[Path], on_reject: OnReject | None = None) -> Iterator[str]:
    """Yield every text of groups, pairs, STS tables, triples, QA rows, or plain text files, uncut."""
    for texts, _ in _rows(paths, on_reject):
        yield from texts


def training_sentences(
    paths: Iterable[Path], on_reject: OnReject | None = None, *, keep: Callable[[str], bool] | None = None
) -> Iterator[str]:
    """Yield every sentence of groups, pairs, triples, QA rows and documents, or of plain text files.

    Groups and pairs hold sentences already; everything else is cut by
    :func:`corpus_builder.segmentation.split_sentences`. ``keep`` is asked of each text before it is cut.
    """
    for texts, whole in _rows(paths, on_reject):
        if keep is not None:
            texts = list(filter(keep, texts))
        if whole:
            yield from texts
        else:
            for text in texts:
                yield from split_sentences(text)


def _rows(paths: Iterable[Path], on_reject: OnReject | None) -> Iterator[tuple[list[str], bool]]:
    """The texts of each row, and whether they are sentences already."""
    for path in paths:
        if format_of(path) in {None, Format.TEXT}:
            for text in read_texts(path, on_reject):
                yield [text], False
            continue
        for number, row in read_objects(path, on_reject):
            strings = [text for name in _FIELDS for text in _strings(row.get(name))]
            if strings:
                yield strings, any(name in row for name in _PAIRED)
                continue
            error = RowError(str(path), number, f"none of the fields {', '.join(_FIELDS)} holds text")
            if on_reject is None:
                raise error
            on_reject(error)


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
