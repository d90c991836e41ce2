"""What the other objectives read: plain texts, labelled pairs and NLI triples, as seeded streams."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from corpus_builder.errors import InputError
from corpus_builder.readers import find_inputs, read_documents, read_nli, read_triples
from corpus_builder.readers.shapes import STS
from corpus_builder.readers.typed import read_rows
from corpus_builder.rows import NLI_LABELS, NO_CONSENSUS, Triple
from corpus_builder.segmentation import cut_to_length
from corpus_builder.sentences import training_sentences
from roformer_sim.training.drawing import Cutter, ItemStream, split_off
from roformer_sim.training.recipe_data import LabelledData, LabelledTable, TextData, TripleData, TwiceData

STS_CLASSES = 2
"""Classes of the similarity task: different, same; those of inference follow."""

# Labels of inference as degrees of similarity, for objectives that compare labels.
_DEGREES = {"contradiction": 0.0, "neutral": 0.5, "entailment": 1.0}


class LabelledPair(NamedTuple):
    """Two sentences with a degree of similarity (0 to 1), a class, and the table they come from."""

    a: str
    b: str
    label: float
    category: int
    table: int


def text_stream(data: TextData, seed: int) -> ItemStream:
    """Pieces of text for pretraining: documents and lines, cut at sentence marks to about a row's length.

    A row holds ``2 * maxlen`` tokens. Everything is in memory: about 150 bytes for a piece of 60 characters.
    """
    cut = Cutter(data.maxlen, data.exclude)
    pieces = dict.fromkeys(
        piece
        for path in find_inputs(data.texts)
        for document in read_documents(path)
        if cut.keeps(document.text)
        for piece in cut_to_length(document.text, round(data.maxlen * 1.6))
        if len(piece) > 3 and cut.keeps(piece)
    )
    return _one_kind(list(pieces), data.texts, data.held_out, cut, seed)


def sentence_stream(data: TwiceData, seed: int) -> ItemStream:
    """Distinct sentences of files of any shape: groups, pairs, triples, documents, lines."""
    cut = Cutter(data.maxlen, data.exclude)
    found = training_sentences(find_inputs(data.texts), keep=cut.keeps)
    pieces = dict.fromkeys(piece for text in found for piece in cut(text))
    return _one_kind(list(pieces), data.texts, data.held_out, cut, seed)


def triple_stream(data: TripleData, seed: int) -> ItemStream:
    """NLI triples; those with an empty or an excluded sentence are left out."""
    cut = Cutter(data.maxlen, data.exclude)
    found = (
        cut(row.anchor, row.positive, row.negative)
        for path in find_inputs(data.triples)
        for row in read_triples(path)
    )
    triples = dict.fromkeys(Triple(*texts) for texts in found if len(texts) == 3)
    return _one_kind(list(triples), data.triples, data.held_out, cut, seed)


def labelled_stream(data: LabelledData, seed: int) -> ItemStream:
    """Labelled pairs: similarity and inference in turn, whatever the sizes of their tables.

    Rows of inference without consensus (label ``-``) and pairs with an excluded sentence are left out.

    Raises:
        InputError: a label outside its table's range (file and line named).
    """
    cut = Cutter(data.maxlen, data.exclude)
    similarity = [pair for number, table in enumerate(data.sts) for pair in _sts_pairs(table, number, cut)]
    kinds = [(similarity, [table.path for table in data.sts])]
    if data.nli:
        kinds.append((list(_nli_pairs(data.nli, len(data.sts), cut)), data.nli))
    split = [
        split_off(pairs, data.held_out, kind, ", ".join(files)) for kind, (pairs, files) in enumerate(kinds)
    ]
    return ItemStream([kept for kept, _ in split], [out for _, out in split], seed, cut.losses)


def _sts_pairs(table: LabelledTable, number: int, cut: Cutter) -> Iterator[LabelledPair]:
    for path, line, row in read_rows([table.path], STS):
        if not 0 <= row.label <= table.max:
            raise InputError(
                f"{path}, line {line}: the label {row.label:g} lies outside 0 to {table.max:g}; "
                "give the table's largest label as max"
            )
        same = row.label > table.max / 2 if table.same is None else row.label >= table.same
        texts = cut(row.text_a, row.text_b)
        if len(texts) == 2:
            yield LabelledPair(texts[0], texts[1], row.label / table.max, int(same), number)


def _nli_pairs(files: Sequence[str], number: int, cut: Cutter) -> Iterator[LabelledPair]:
    for path in find_inputs(files):
        for row in read_nli(path):
            if row.label == NO_CONSENSUS:
                cut.losses["rows of inference without consensus left out"] += 1
                continue
            texts = cut(row.text_a, row.text_b)
            if len(texts) == 2:
                category = STS_CLASSES + NLI_LABELS.index(row.label)
                yield LabelledPair(texts[0], texts[1], _DEGREES[row.label], category, number)


def _one_kind(items: list, files: Sequence[str], held_out: int, cut: Cutter, seed: int) -> ItemStream:
    kept, validation = split_off(items, held_out, 0, ", ".join(files))
    return ItemStream([kept], [validation], seed, cut.losses)
