"""Tokens of many texts at once.

In Chinese text most tokens are single characters, and what the Rust pipeline makes of a character that stands
alone is one table look-up. So the texts are laid end to end, one look-up by numpy decides every ideograph and
every punctuation mark, and only the stretches in between (Latin words, numbers, kana, ...) go to the
``tokenizers`` pipeline, each distinct one once. The pipeline cuts at the same characters, so the tokens are
those it gives for the whole text, many times sooner.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import NamedTuple, Protocol

import numpy as np
import tokenizers

from roformer_sim.text.characters import (
    CODE_POINTS,
    SPACE,
    WORD,
    lower_sigma,
    normalize,
    replace_surrogates,
    standalone_table,
)
from roformer_sim.text.memory import Pieces, StretchMemory, StretchTable
from roformer_sim.text.vocabulary import Vocabulary
from roformer_sim.text.words import cut_words

_CHUNK_CHARACTERS = 1 << 17  # keeps the working arrays in the processor's cache


class Tokens(NamedTuple):
    """Tokens of many parts (texts and their pairs) end to end, each closed by [SEP].

    ``ids``: int32 (tokens,); ``bounds``: int64 (parts + 1,); ``offsets``: int32 (tokens, 2) in characters of
    the token's own part, zeros for special tokens, or None where they were not asked for.
    """

    ids: np.ndarray
    bounds: np.ndarray
    offsets: np.ndarray | None


class Scanner(Protocol):
    """Turns parts into tokens; ``opened`` tells which of them begin with [CLS], bool (parts,)."""

    def scan(self, parts: Sequence[str], opened: np.ndarray, *, offsets: bool) -> Tokens:
        """``[CLS] part [SEP]`` of every part, without [CLS] where ``opened`` is false."""
        ...


class CharacterScanner:
    """Tokens of texts without word segmentation.

    Args:
        vocabulary: gives the ids of stand-alone characters.
        backend: tokenizes everything else.
        do_lower_case: as in the backend.
    """

    def __init__(self, vocabulary: Vocabulary, backend: tokenizers.Tokenizer, *, do_lower_case: bool) -> None:
        self._do_lower_case = do_lower_case
        self._table = _id_table(vocabulary, do_lower_case)
        self._cls, self._sep = vocabulary.row("[CLS]"), vocabulary.row("[SEP]")
        tokenize = partial(pipeline_pieces, backend, do_lower_case=do_lower_case)
        self._ids = StretchMemory(partial(tokenize, offsets=False), columns=1)
        self._ids_and_offsets = StretchMemory(partial(tokenize, offsets=True), columns=3)

    def scan(self, parts: Sequence[str], opened: np.ndarray, *, offsets: bool) -> Tokens:
        """See :class:`Scanner`."""
        lengths = np.fromiter(map(len, parts), np.int64, len(parts))
        return _concatenate(
            [self._scan_chunk(parts[i:j], lengths[i:j], opened[i:j], offsets) for i, j in _chunks(lengths)]
        )

    def _scan_chunk(
        self, parts: Sequence[str], lengths: np.ndarray, opened: np.ndarray, offsets: bool
    ) -> Tokens:
        # Each part stands between two line feeds, whose places then take the special tokens.
        joined = "\n" + "\n\n".join(parts) + "\n"
        if self._do_lower_case and "Σ" in joined:
            joined = lower_sigma(joined)
        try:
            encoded = joined.encode("utf-32-le")
        except UnicodeEncodeError:
            joined = replace_surrogates(joined)
            encoded = joined.encode("utf-32-le")
        marks = self._table.take(np.frombuffer(encoded, np.uint32), mode="clip")
        after = np.cumsum(lengths + 2)
        begins = after - (lengths + 2)
        marks[begins] = np.where(opened, self._cls, SPACE)
        marks[after - 1] = self._sep

        inside = marks == WORD
        edges = np.flatnonzero(inside[1:] != inside[:-1]) + 1
        firsts = edges[0::2]
        stretches = [joined[i:j] for i, j in zip(firsts.tolist(), edges[1::2].tolist(), strict=True)]
        which, table = (self._ids_and_offsets if offsets else self._ids).look_up(stretches)
        taken = marks >= 0
        taken[firsts] = True
        counts = np.add.reduceat(taken, begins, dtype=np.int64)
        bounds = np.append(0, np.cumsum(counts))
        places = None
        if offsets:
            at = np.flatnonzero(taken)
            starts = at - np.repeat(begins + 1, counts)
            places = np.stack([starts, starts + 1], axis=1).astype(np.int32)
            places[bounds[1:] - 1] = 0
            places[bounds[:-1][opened]] = 0
        return expand(Tokens(marks[taken], bounds, places), which, table)


class WordScanner:
    """Tokens of texts cut into jieba's words first; a word of the vocabulary is one token.

    Args:
        vocabulary: gives the ids of words.
        backend: tokenizes the words that are not in it.
        do_lower_case: as in the backend.
    """

    def __init__(self, vocabulary: Vocabulary, backend: tokenizers.Tokenizer, *, do_lower_case: bool) -> None:
        self._vocabulary = vocabulary
        self._tokenize = partial(pipeline_pieces, backend, do_lower_case=do_lower_case, offsets=True)
        self._do_lower_case = do_lower_case
        self._memory = StretchMemory(self._pieces)

    def scan(self, parts: Sequence[str], opened: np.ndarray, *, offsets: bool) -> Tokens:
        """See :class:`Scanner`."""
        normals = [normalize(part, do_lower_case=self._do_lower_case) for part in parts]
        words = [cut_words(normal) for normal in normals]
        which, table = self._memory.look_up(list(chain.from_iterable(words)))
        counts = np.fromiter(map(len, words), np.int64, len(words)) + 1 + opened
        bounds = np.append(0, np.cumsum(counts))
        entries = np.full(bounds[-1], WORD, np.int32)
        entries[bounds[:-1][opened]] = self._vocabulary.row("[CLS]")
        entries[bounds[1:] - 1] = self._vocabulary.row("[SEP]")
        places = None
        if offsets:
            begins = [np.cumsum([0, *map(len, cut)])[:-1] for cut in words]
            places = np.zeros((len(entries), 2), np.int32)
            places[entries == WORD] = np.concatenate([*begins, np.zeros(0, np.int64)])[:, None]
        tokens = expand(Tokens(entries, bounds, places), which, table)
        if tokens.offsets is not None:
            for row, (part, normal) in enumerate(zip(parts, normals, strict=True)):
                rows = slice(tokens.bounds[row] + opened[row], tokens.bounds[row + 1] - 1)
                _refer_to_original(tokens.offsets[rows], part, normal)
        return tokens

    def _pieces(self, words: Sequence[str]) -> list[Pieces]:
        others = [word for word in words if word not in self._vocabulary]
        found = dict(zip(others, self._tokenize(others), strict=True))
        return [
            found[word] if word in found else ((self._vocabulary.row(word),), (0,), (len(word),))
            for word in words
        ]


def pipeline_pieces(
    backend: tokenizers.Tokenizer, stretches: Sequence[str], *, do_lower_case: bool, offsets: bool
) -> list[Pieces]:
    """Tokens of each stretch by the Rust pipeline: ids, with ``offsets`` also starts and ends."""
    pieces: dict[str, Pieces] = {}
    model = backend.model
    others = []
    for stretch in stretches:
        # To a Latin word or a number the pipeline does nothing but lower-case it; its model alone is faster.
        if stretch.isalnum() and stretch.isascii():
            found = model.tokenize(stretch.lower() if do_lower_case else stretch)
            ids = [token.id for token in found]
            pieces[stretch] = (ids, *_columns(token.offsets for token in found)) if offsets else (ids,)
        else:
            others.append(stretch)
    encode = backend.encode_batch if offsets else backend.encode_batch_fast
    for stretch, encoded in zip(others, encode(others), strict=True):
        pieces[stretch] = (encoded.ids, *_columns(encoded.offsets)) if offsets else (encoded.ids,)
    return [pieces[stretch] for stretch in stretches]


def _columns(offsets: Iterable[tuple[int, int]]) -> tuple[list[int], list[int]]:
    places = list(offsets)
    return [start for start, _ in places], [end for _, end in places]


def expand(entries: Tokens, which: np.ndarray, table: StretchTable) -> Tokens:
    """Put the tokens of each stretch in the place that ``WORD`` holds for it in ``entries``.

    Args:
        entries: tokens, some of them ``WORD``; ``bounds`` count entries, and the offsets of a ``WORD`` hold
            where its stretch begins.
        which: the entry in ``table`` of each ``WORD``, in order.
    """
    slots = np.flatnonzero(entries.ids == WORD)
    counts = table.counts[which]
    longer = np.cumsum(counts - 1)  # how far what follows each stretch moves back
    shift = np.append(0, longer)
    first = slots + shift[:-1]
    before = np.cumsum(counts) - counts
    step = np.arange(counts.sum())
    target = step + np.repeat(first - before, counts)
    source = step + np.repeat(table.begins[which] - before, counts)
    # Where the entries that are tokens go: everywhere but to the targets.
    free = np.ones(len(entries.ids) + shift[-1], bool)
    free[target] = False
    plain = entries.ids != WORD
    ids = np.empty(len(free), np.int32)
    ids[free] = entries.ids[plain]
    ids[target] = table.columns[0, source]
    bounds = entries.bounds + shift[np.searchsorted(slots, entries.bounds)]
    offsets = None
    if entries.offsets is not None:
        offsets = np.empty((len(free), 2), np.int32)
        offsets[free] = entries.offsets[plain]
        begin = np.repeat(entries.offsets[slots, 0], counts)
        offsets[target, 0] = begin + table.columns[1, source]
        offsets[target, 1] = begin + table.columns[2, source]
    return Tokens(ids, bounds, offsets)


def _id_table(vocabulary: Vocabulary, do_lower_case: bool) -> np.ndarray:
    """For each code point its token's id, ``WORD`` or ``SPACE``; int32 (1114112,)."""
    table = standalone_table(do_lower_case)
    ids = np.full(CODE_POINTS, vocabulary.row("[UNK]"), np.int32)
    for row, token in enumerate(vocabulary):
        if len(token) == 1:
            ids[ord(token)] = row
    return np.where(table >= 0, ids[table], table)


def _refer_to_original(offsets: np.ndarray, text: str, normal: str) -> None:
    """Turn places in ``normal`` into places in ``text``, in place."""
    lowered = text.lower()
    if len(lowered) == len(text) and normal in (text, lowered):
        return
    lengths = [len(normalize(character)) for character in text]
    origin = np.repeat(np.arange(len(text), dtype=np.int32), lengths)
    offsets[:, 0] = origin[offsets[:, 0]]
    offsets[:, 1] = origin[offsets[:, 1] - 1] + 1


def _chunks(lengths: np.ndarray) -> Iterator[tuple[int, int]]:
    """Ranges of parts of about ``_CHUNK_CHARACTERS`` together."""
    until = np.cumsum(lengths)
    start = 0
    while start < len(lengths):
        size = (until[start - 1] if start else 0) + _CHUNK_CHARACTERS
        stop = max(int(np.searchsorted(until, size)), start + 1)
        yield start, stop
        start = stop


def _concatenate(chunks: Sequence[Tokens]) -> Tokens:
    if len(chunks) == 1:
        return chunks[0]
    if not chunks:
        return Tokens(np.zeros(0, np.int32), np.zeros(1, np.int64), np.zeros((0, 2), np.int32))
    counts = np.concatenate([np.diff(chunk.bounds) for chunk in chunks])
    offsets = [chunk.offsets for chunk in chunks if chunk.offsets is not None]
    return Tokens(
        np.concatenate([chunk.ids for chunk in chunks]),
        np.append(0, np.cumsum(counts)),
        np.concatenate(offsets) if offsets else None,
    )
