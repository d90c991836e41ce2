"""The texts that training will show a teacher."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from corpus_builder.errors import InputError
from corpus_builder.readers import find_inputs
from corpus_builder.segmentation import cut_to_length
from corpus_builder.sentences import training_sentences, training_texts


class TrainingTexts:
    """Every text of training files, its first piece where it is long, as the batches cut it.

    Can be iterated again and again; each time the files are read anew.

    Args:
        inputs: Files, folders and globs: groups, pairs, STS tables, triples or plain text.
        maxlen: ``data.maxlen`` of the recipe; pieces have up to 1.2 times as many characters.
        sentences: Cut documents and lines into sentences first, as ``data.rows = "twice"`` does.

    Raises:
        InputError: A file is missing or can be read only once.
    """

    def __init__(self, inputs: Iterable[str | Path], maxlen: int, *, sentences: bool = False) -> None:
        self.paths = find_inputs(inputs)
        self.maxlen, self.sentences = maxlen, sentences
        for path in self.paths:
            if not path.is_file():
                raise InputError(f"{path}: is no ordinary file and cannot be read twice; write it to a file")

    def __iter__(self) -> Iterator[str]:
        for text in (training_sentences if self.sentences else training_texts)(self.paths):
            piece = cut_to_length(text, self.maxlen)[0]
            if piece.strip():
                yield piece
