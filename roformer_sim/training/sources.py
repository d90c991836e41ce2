"""From a recipe's ``[data]`` to what the trainer iterates over."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from typing import NamedTuple

import keras
import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.text import Tokenizer
from roformer_sim.training.arrays import COARSE, FINE, Assembler, Batch, Rounding
from roformer_sim.training.batches import Batches, validation_batches
from roformer_sim.training.drawing import Stream
from roformer_sim.training.pairs import PairStream
from roformer_sim.training.recipe import Recipe
from roformer_sim.training.recipe_data import LabelledData, SimilarData, TextData, TripleData, TwiceData
from roformer_sim.training.rows import BatchMaker, RowMaker, SentenceMaker, TextRowMaker
from roformer_sim.training.sentences import labelled_stream, sentence_stream, text_stream, triple_stream

Data = SimilarData | TextData | TwiceData | LabelledData | TripleData
TeacherFunction = Callable[[list[str]], np.ndarray]
"""Sentences to vectors (n, d)."""

OpenTeacher = Callable[[str, Iterable[str]], TeacherFunction]
"""The teacher of that name; it is told all sentences that it will be asked for."""


class Sources(NamedTuple):
    """Training batches and the held-out ones of a recipe."""

    stream: Stream
    assembler: Assembler
    recipe: Recipe

    def checksum(self) -> int:
        """Of every sentence that may come up, in order: another corpus has other batches."""
        result = 0
        for text in self.stream.texts():
            result = zlib.crc32(text.encode("utf-8", "surrogatepass"), result)
        return result

    @property
    def items(self) -> int:
        """Items of a batch."""
        return self.recipe.train.batch_rows // self.recipe.data.rows_per_item

    def training(self) -> Batches:
        """The training batches of every epoch."""
        settings = self.recipe.train
        return Batches(
            self.stream,
            self.assembler,
            items=self.items,
            steps=settings.steps_per_epoch,
            seed=settings.seed,
            kind_weights=self.recipe.kind_weights,
        )

    def held_out(self) -> list[Batch]:
        """Fixed validation batches.

        Raises:
            InputError: what is held out does not fill one.
        """
        found = validation_batches(
            self.stream,
            self.assembler,
            items=self.items,
            seed=self.recipe.train.seed,
            kind_weights=self.recipe.kind_weights,
        )
        if self.recipe.data.held_out and not found:
            raise InputError(
                f"data.held_out {self.recipe.data.held_out}: what is held out does not fill one batch of "
                f"{self.recipe.train.batch_rows} rows; hold out more, or 0 to choose the best epoch by "
                "training loss"
            )
        return found


def open_sources(recipe: Recipe, tokenizer: Tokenizer, open_teacher: OpenTeacher | None = None) -> Sources:
    """Read the files of a recipe, and open its teacher.

    Raises:
        InputError: an unreadable file, a damaged row (line named), too few items, no such teacher.
    """
    stream = open_stream(recipe.data, recipe.train.seed)
    teacher, term = None, recipe.objectives.distillation
    if term is not None:
        if open_teacher is None:
            raise InputError(f"objectives.distillation.teacher {term.teacher!r}: nothing here opens teachers")
        teacher = open_teacher(term.teacher, stream.texts())
    maker = row_maker(recipe.data, tokenizer)
    masked, parts = recipe.objectives.mask_false_negatives, recipe.train.sub_batches
    return Sources(stream, Assembler(maker, masked, teacher, parts, rounding()), recipe)


def rounding() -> Rounding:
    """Of the backend's batches."""
    return FINE if keras.backend.backend() == "tensorflow" else COARSE


def open_stream(data: Data, seed: int) -> Stream:
    """The items of a recipe's files."""
    if isinstance(data, SimilarData):
        return PairStream(
            data.groups,
            data.pairs,
            maxlen=data.maxlen,
            held_out=data.held_out,
            seed=seed,
            exclude=data.exclude,
            sentences=data.sentences,
            sentence_share=data.sentence_share,
        )
    if isinstance(data, TextData):
        return text_stream(data, seed)
    if isinstance(data, TwiceData):
        return sentence_stream(data, seed)
    if isinstance(data, LabelledData):
        return labelled_stream(data, seed)
    return triple_stream(data, seed)


def row_maker(data: Data, tokenizer: Tokenizer) -> BatchMaker:
    """What turns items into rows."""
    if isinstance(data, SimilarData):
        return RowMaker(
            tokenizer, maxlen=data.maxlen, noise=data.noise, segmenter=data.segmenter, copies=data.copies
        )
    if isinstance(data, TextData):
        return TextRowMaker(
            tokenizer, maxlen=data.maxlen, masked=data.masked, rate=data.rate, segmenter=data.segmenter
        )
    return SentenceMaker(tokenizer, maxlen=data.maxlen)
