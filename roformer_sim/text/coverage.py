"""How much of a text a vocabulary knows, and which of its tokens a text uses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from roformer_sim.text.build_vocab import forms
from roformer_sim.text.characters import STANDALONE, WORD, character_kinds, normalize
from roformer_sim.text.wordpiece import Tokenizer

_BATCH = 2_000


@dataclass
class Coverage:
    """What became of the characters of texts; white space and what vanishes in tokenizing are not counted.

    Attributes:
        texts: Their number.
        characters: Characters that stand in a token.
        unknown: Of these, those in an [UNK]; a Latin word with one unknown letter is unknown as a whole.
        token_counts: int64 (vocabulary,): how often each token was yielded, [CLS] and [SEP] included.
        unknown_characters: Normalised characters of the [UNK] that have no token (of a letter: none, or none
            that goes on with a word), each with its count.
    """

    texts: int
    characters: int
    unknown: int
    token_counts: np.ndarray
    unknown_characters: Counter[str] = field(default_factory=Counter)

    @property
    def unknown_share(self) -> float:
        """Unknown characters by all, 0 to 1; 0 of no texts."""
        return self.unknown / self.characters if self.characters else 0.0

    def used_tokens(self, tokenizer: Tokenizer, min_count: int = 1) -> list[str]:
        """The tokens yielded ``min_count`` times or more, in the vocabulary's order."""
        return [tokenizer.vocabulary[int(i)] for i in np.flatnonzero(self.token_counts >= min_count)]

    def missing_tokens(self, min_count: int = 1) -> list[str]:
        """Tokens that would make the frequent unknown characters known, the most frequent first.

        A letter that words are made of comes with its continuing form: ``ß`` and ``##ß``.
        """
        kinds = character_kinds()
        frequent = (c for c, count in self.unknown_characters.most_common() if count >= min_count)
        return [form for c in frequent if kinds[ord(c)] in (STANDALONE, WORD) for form in forms(c)]


def measure_coverage(tokenizer: Tokenizer, texts: Iterable[str]) -> Coverage:
    """Tokenize ``texts``, which may be a stream, and count what is known.

    Example:
        >>> found = measure_coverage(tokenizer, ["我爱𠀀"])
        >>> found.characters, found.unknown, found.unknown_characters
        (3, 1, Counter({'𠀀': 1}))
    """
    found = Coverage(0, 0, 0, np.zeros(tokenizer.vocab_size, np.int64))
    for batch in _batches(texts):
        rows = tokenizer.encode_rows(batch, offsets=True)
        lengths = rows.offsets[:, 1] - rows.offsets[:, 0]
        unknown = np.flatnonzero((rows.token_ids == tokenizer.unk_id) & (lengths > 0))
        found.texts += len(batch)
        found.characters += int(lengths.sum())
        found.unknown += int(lengths[unknown].sum())
        found.token_counts += np.bincount(rows.token_ids, minlength=tokenizer.vocab_size)
        text_of = np.searchsorted(rows.bounds, unknown, side="right") - 1
        for place, text in zip(rows.offsets[unknown].tolist(), text_of.tolist(), strict=True):
            piece = normalize(batch[text][slice(*place)], do_lower_case=tokenizer.do_lower_case)
            found.unknown_characters.update(
                c for c in piece if any(form not in tokenizer.vocabulary for form in forms(c))
            )
    return found


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    iterator = iter(texts)
    while batch := list(islice(iterator, _BATCH)):
        yield batch
