"""Tokens of many texts at once.

In Chinese text most tokens are single characters, and what the Rust pipeline makes of a character that stands
alone is one table look-up. So the texts are laid end to end, one look-up by numpy decides every ideograph and
every punctuation mark, and only the stretches in between (Latin words, numbers, kana, ...) go to the
``tokenizers`` pipeline, each distinct one once. The pipeline cuts at the same characters, so the tokens are
those it gives for the whole text, many times sooner.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

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
from roformer_sim.text.vocabulary import Vocabulary
from roformer_sim.text.words import cut_words

CACHED_STRETCHES = 200_000
"""Distinct stretches remembered between calls; then the memory starts anew."""

_CHUNK_CHARACTERS = 1 << 18  # keeps the working arrays small and in the processor's cache


class Tokens(NamedTuple):
    """Tokens of many texts, end to end, without special tokens.

    ``ids``, ``starts``, ``ends``: int32 (tokens,), the latter two in characters of the token's own text;
    ``bounds``: int64 (texts + 1,).
    """

    ids: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    bounds: np.ndarray


class Pieces(NamedTuple):
    """Tokens of one stretch of text; starts and ends count from its first character."""

    ids: tuple[int, ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]


class CharacterScanner:
    """Tokens of texts without word segmentation.

    Args:
        vocabulary: gives the ids of stand-alone characters.
        backend: tokenizes everything else.
        do_lower_case: as in the backend.
    """

    def __init__(self, vocabulary: Vocabulary, backend: tokenizers.Tokenizer, *, do_lower_case: bool) -> None:
        self.do_lower_case = do_lower_case
        self._backend = backend
        self._table = _id_table(vocabulary, do_lower_case)
        self._remembered: dict[str, Pieces] = {}

    def scan(self, texts: Sequence[str]) -> Tokens:
        """Tokens of every text."""
        return _concatenate([self._scan_chunk(chunk) for chunk in _chunks(texts)])

    def pieces(self, stretches: Sequence[str]) -> list[Pieces]:
        """Tokens of each stretch by the Rust pipeline; a stretch met before is not tokenized again."""
        known = self._remembered
        new = [stretch for stretch in stretches if stretch not in known]
        if new:
            encoded = self._backend.encode_batch([replace_surrogates(stretch) for stretch in new])
            fresh = {stretch: _pieces(result) for stretch, result in zip(new, encoded, strict=True)}
            if len(known) + len(fresh) > CACHED_STRETCHES:
                # Not emptied but replaced: another thread may be reading the old one.
                known = {stretch: known[stretch] for stretch in stretches if stretch in known}
                self._remembered = known
            known.update(fresh)
        return [known[stretch] for stretch in stretches]

    def as_read(self, text: str, start: int, end: int) -> str:
        """``text[start:end]`` as the pipeline reads it, normalised."""
        return self._backend.normalizer.normalize_str(replace_surrogates(self._prepare(text)[start:end]))

    def _prepare(self, text: str) -> str:
        return lower_sigma(text) if self.do_lower_case and "Σ" in text else text

    def _scan_chunk(self, texts: Sequence[str]) -> Tokens:
        lengths = np.fromiter(map(len, texts), np.int64, len(texts)) + 1
        begins = np.cumsum(lengths) - lengths
        joined = self._prepare("\n".join(texts) + "\n")
        codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)
        marks = self._table[codes]
        edges = np.flatnonzero(np.diff(marks == WORD, prepend=False))  # the text ends with a space: pairs
        firsts = edges[0::2]
        stretches = [joined[i:j] for i, j in zip(firsts.tolist(), edges[1::2].tolist(), strict=True)]
        ids, starts, ends, bounds = self.tokens_of(stretches)
        counts = np.diff(bounds)
        alone = np.flatnonzero(marks >= 0)
        # How many tokens begin before each character tells where each token goes.
        before = np.zeros(len(joined) + 1, np.int32)
        before[alone + 1] = 1
        before[firsts + 1] = counts
        np.cumsum(before, out=before)
        row_bounds = before[np.append(begins, len(joined))]
        tokens = Tokens(*(np.empty(before[-1], np.int32) for _ in range(3)), row_bounds.astype(np.int64))
        place = before[alone]
        tokens.ids[place] = marks[alone]
        tokens.starts[place] = alone
        tokens.ends[place] = alone + 1
        place = np.arange(len(ids)) + np.repeat(before[firsts] - bounds[:-1], counts)
        tokens.ids[place] = ids
        tokens.starts[place] = starts + np.repeat(firsts, counts)
        tokens.ends[place] = ends + np.repeat(firsts, counts)
        row_begin = np.repeat(begins, np.diff(row_bounds))
        np.subtract(tokens.starts, row_begin, out=tokens.starts, casting="unsafe")
        np.subtract(tokens.ends, row_begin, out=tokens.ends, casting="unsafe")
        return tokens

    def tokens_of(self, stretches: Sequence[str]) -> Tokens:
        """Tokens of each stretch by the Rust pipeline, each distinct one looked up once."""
        distinct: dict[str, int] = {}
        which = np.fromiter(
            (distinct.setdefault(s, len(distinct)) for s in stretches), np.int64, len(stretches)
        )
        return spread(self.pieces(list(distinct)), which)


class WordScanner:
    """Tokens of texts cut into jieba's words first; a word of the vocabulary is one token.

    Args:
        vocabulary: gives the ids of words.
        characters: tokenizes the words that are not in it.
    """

    def __init__(self, vocabulary: Vocabulary, characters: CharacterScanner) -> None:
        self._vocabulary = vocabulary
        self._characters = characters

    def scan(self, texts: Sequence[str]) -> Tokens:
        """Tokens of every text."""
        return _concatenate([self._scan_text(text) for text in texts])

    def as_read(self, text: str, start: int, end: int) -> str:
        """``text[start:end]`` as the pipeline reads it, normalised."""
        return self._characters.as_read(text, start, end)

    def _scan_text(self, text: str) -> Tokens:
        normal = normalize(text, do_lower_case=self._characters.do_lower_case)
        ids: list[int] = []
        starts: list[int] = []
        ends: list[int] = []
        position = 0
        words = cut_words(normal)
        others = list(dict.fromkeys(word for word in words if word not in self._vocabulary))
        pieces = dict(zip(others, self._characters.pieces(others), strict=True))
        for word in words:
            row = self._vocabulary.id(word)
            found = pieces[word] if row is None else Pieces((row,), (0,), (len(word),))
            ids.extend(found.ids)
            starts.extend(position + start for start in found.starts)
            ends.extend(position + end for end in found.ends)
            position += len(word)
        origin = _origins(text, normal)
        bounds = np.array([0, len(ids)])
        first, last = np.array(starts, np.int64), np.array(ends, np.int64) - 1
        return Tokens(np.array(ids, np.int32), origin[first], origin[last] + 1, bounds)


def spread(pieces: Sequence[Pieces], which: np.ndarray) -> Tokens:
    """The tokens of ``pieces[which[0]]``, ``pieces[which[1]]``, ... end to end."""
    flat = [
        np.fromiter(chain.from_iterable(column), np.int32)
        for column in (zip(*pieces, strict=True) if pieces else ((), (), ()))
    ]
    lengths = np.fromiter((len(piece.ids) for piece in pieces), np.int64, len(pieces))
    counts = lengths[which]
    bounds = np.append(0, np.cumsum(counts))
    source = np.arange(bounds[-1]) + np.repeat((np.cumsum(lengths) - lengths)[which] - bounds[:-1], counts)
    return Tokens(flat[0][source], flat[1][source], flat[2][source], bounds)


def _id_table(vocabulary: Vocabulary, do_lower_case: bool) -> np.ndarray:
    """For each code point its token's id, ``WORD`` or ``SPACE``; int32 (1114112,)."""
    table = standalone_table(do_lower_case)
    unknown = vocabulary.id("[UNK]")
    ids = np.full(CODE_POINTS, unknown, np.int32)
    for row, token in enumerate(vocabulary):
        if len(token) == 1:
            ids[ord(token)] = row
    ids = ids[table]
    ids[table == WORD] = WORD
    ids[table == SPACE] = SPACE
    return ids


def _pieces(encoded: tokenizers.Encoding) -> Pieces:
    offsets = encoded.offsets
    return Pieces(tuple(encoded.ids), tuple(start for start, _ in offsets), tuple(end for _, end in offsets))


def _origins(text: str, normal: str) -> np.ndarray:
    """For each character of ``normal`` the place in ``text`` of the character it came from."""
    lowered = text.lower()
    if len(lowered) == len(text) and normal in (text, lowered):
        return np.arange(len(text), dtype=np.int32)
    lengths = [len(normalize(character)) for character in text]
    return np.repeat(np.arange(len(text), dtype=np.int32), lengths)


def _chunks(texts: Sequence[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    size = 0
    for text in texts:
        chunk.append(text)
        size += len(text)
        if size > _CHUNK_CHARACTERS:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _concatenate(parts: Sequence[Tokens]) -> Tokens:
    if len(parts) == 1:
        return parts[0]
    if not parts:
        nothing = np.zeros(0, np.int32)
        return Tokens(nothing, nothing, nothing, np.zeros(1, np.int64))
    counts = np.concatenate([np.diff(part.bounds) for part in parts])
    columns = [np.concatenate([part[column] for part in parts]) for column in range(3)]
    return Tokens(columns[0], columns[1], columns[2], np.append(0, np.cumsum(counts)))
