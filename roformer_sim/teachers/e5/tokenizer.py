"""The tokenizer of multilingual-e5-small: XLM-RoBERTa's unigram pieces (Kudo 2018) by ``tokenizers``."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from tokenizers import Encoding, Tokenizer
from tokenizers.models import Unigram

from roformer_sim.teachers.e5.packed_file import Pieces
from roformer_sim.text.characters import replace_surrogates

_SPACES = re.compile(" +")
_WORD_BEGIN = "\u2581"  # SentencePiece writes a space so
_NEVER_FOUND = " "  # what no text holds that spaces have left


class E5Tokenizer:
    """Texts to ids.

    A text's characters are replaced one by one, runs of spaces are one, and it begins with one. Of all ways
    to cut it into pieces the most probable counts; what is in no piece is one ``<unk>`` a character.

    Args:
        pieces: From the model's file.

    Attributes:
        begin, end: ids of ``<s>`` and ``</s>``, which :meth:`encode` leaves to its caller.
    """

    def __init__(self, pieces: Pieces) -> None:
        self.begin, self.end, self._unknown = pieces.begin, pieces.end, pieces.unknown
        self._replacements = pieces.replacements
        scores = list(pieces.scores)
        # Text that reads "<unk>" is cut like any other.
        scores[pieces.unknown] = (_NEVER_FOUND, scores[pieces.unknown][1])
        self._tokenizer = Tokenizer(Unigram(scores, pieces.unknown, False))

    def encode(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Token ids of each text, int64, without ``<s>`` and ``</s>``; on all cores."""
        normalised = [self.normalise(text) for text in texts]
        return [self._ids(one) for one in self._tokenizer.encode_batch(normalised, add_special_tokens=False)]

    def normalise(self, text: str) -> str:
        """The text as the pieces spell it: ``"花呗 ABC"`` to ``"▁花呗▁ABC"``."""
        text = _SPACES.sub(" ", replace_surrogates(text).translate(self._replacements))
        return (text if text.startswith(" ") else f" {text}").replace(" ", _WORD_BEGIN)

    def _ids(self, encoding: Encoding) -> np.ndarray:
        ids = np.array(encoding.ids, np.int64)
        unknown = ids == self._unknown
        if not unknown.any():
            return ids
        # The library makes one <unk> of characters in a row.
        offsets = np.array(encoding.offsets)
        return np.repeat(ids, np.where(unknown, offsets[:, 1] - offsets[:, 0], 1))
