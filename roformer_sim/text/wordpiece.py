"""The tokenizer: Chinese characters or jieba words, then WordPiece."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
import tokenizers

from corpus_builder.errors import InputError
from roformer_sim.text.backend import build_backend
from roformer_sim.text.characters import normalize, without_dropped
from roformer_sim.text.decoding import decode_tokens
from roformer_sim.text.encoding import EncodedRows, Encoding, pad_encodings
from roformer_sim.text.scanning import CharacterScanner, Scanner, WordScanner
from roformer_sim.text.truncation import truncate
from roformer_sim.text.vocabulary import SPECIAL_TOKENS, Vocabulary


class Tokenizer:
    """WordPiece over characters or jieba words, with the ids bert4keras gives.

    The rules are those of the ``tokenizers`` pipeline in :attr:`backend`; batches ask it about every
    distinct word once. An empty or white-space text is ``[CLS] [SEP]``; NUL, control characters, U+FFFD and
    lone surrogates vanish; a text of any length works and is cut only where ``maxlen`` says so.

    Args:
        vocab: the tokens in the order of the embedding's rows.
        do_lower_case: lower-case and take accents off first.
        words: cut into jieba's words (HMM off) first; a word in the vocabulary is one token, others are
            tokenized as usual. ``None`` does so where the vocabulary looks like one of words, as
            RoFormer's 50,000; a character model read with words, or the reverse, would be silently wrong.

    Raises:
        InputError: the vocabulary is not valid, see :class:`Vocabulary`.

    Example:
        >>> tokenizer = Tokenizer.from_file("vocab.txt")
        >>> tokenizer.tokenize("广州和iPhone")
        ['[CLS]', '广', '州', '和', 'iphone', '[SEP]']
        >>> tokenizer.encode("广州在哪？", maxlen=5).truncated
        True
    """

    def __init__(
        self, vocab: Sequence[str] | Vocabulary, *, do_lower_case: bool = True, words: bool | None = None
    ) -> None:
        self._vocabulary = vocab if isinstance(vocab, Vocabulary) else Vocabulary(vocab)
        self._tokens = list(self._vocabulary)
        self.do_lower_case = do_lower_case
        self.words = self._vocabulary.has_words if words is None else words
        self.pad_id, self.unk_id, self.cls_id, self.sep_id, self.mask_id = map(
            self._vocabulary.row, SPECIAL_TOKENS
        )
        self._backend = build_backend(self._vocabulary, do_lower_case=do_lower_case)
        scanner: type[WordScanner | CharacterScanner] = WordScanner if self.words else CharacterScanner
        self._scanner: Scanner = scanner(self._vocabulary, self._backend, do_lower_case=do_lower_case)

    def __reduce__(self) -> tuple[Any, ...]:
        # To another process goes what a tokenizer is made of, not its memory and its locks.
        again = partial(type(self), do_lower_case=self.do_lower_case, words=self.words)
        return again, (self._tokens,)

    @classmethod
    def from_file(
        cls, path: str | os.PathLike[str], *, do_lower_case: bool = True, words: bool | None = None
    ) -> Tokenizer:
        """Read ``vocab.txt``; see :meth:`Vocabulary.from_file` for what is refused.

        Warns where ``words`` is given and is not what the vocabulary looks like.
        """
        vocabulary = Vocabulary.from_file(path)
        if words is not None and words != vocabulary.has_words:
            warnings.warn(_wrong_kind(path, words), stacklevel=2)
        return cls(vocabulary, do_lower_case=do_lower_case, words=words)

    @property
    def vocabulary(self) -> Vocabulary:
        """The vocabulary, which knows how to shrink and save itself."""
        return self._vocabulary

    @property
    def vocab(self) -> list[str]:
        """The tokens, token ``i`` at place ``i`` (a copy)."""
        return list(self._tokens)

    @property
    def vocab_size(self) -> int:
        """Number of tokens, the rows of the embedding."""
        return len(self._tokens)

    @property
    def backend(self) -> tokenizers.Tokenizer:
        """The pipeline of the ``tokenizers`` library: no special tokens, no jieba, no final sigma."""
        return self._backend

    def tokenize(self, text: str, maxlen: int | None = None) -> list[str]:
        """The tokens of ``text`` between ``[CLS]`` and ``[SEP]``; what has no id stands as it was read.

        ``tokenize("我爱𠀀")`` is ``['[CLS]', '我', '爱', '𠀀', '[SEP]']``, whose id for ``𠀀`` is ``unk_id``.
        """
        # Normalising twice changes nothing, and now offsets refer to the text as the pipeline reads it.
        if isinstance(text, str):
            text = normalize(text, do_lower_case=self.do_lower_case)
        encoding = self.encode(text, maxlen=maxlen)
        tokens = [self._tokens[i] for i in encoding.token_ids.tolist()]
        for place, (start, end) in enumerate(encoding.offsets.tolist()):
            if end and tokens[place] == "[UNK]":
                tokens[place] = without_dropped(text[start:end])
        return tokens

    def encode(
        self,
        text: str,
        text_pair: str | None = None,
        *,
        maxlen: int | None = None,
        mask_idxs: Iterable[int] = (),
    ) -> Encoding:
        """Encode one text, or a pair as ``[CLS] text [SEP] text_pair [SEP]``.

        Args:
            maxlen: tokens allowed; the longer side is cut first.
            mask_idxs: positions of tokens ([CLS] is 0) that become ``[MASK]``:
                ``encode("科学技术是第一生产力。", mask_idxs=[6, 7])`` masks 第一.

        Raises:
            InputError: a position is outside the encoded text or on ``[CLS]`` / ``[SEP]``; ``text`` is not a
                string; ``maxlen`` has no room for the special tokens.
        """
        pairs = None if text_pair is None else (text_pair,)
        encoding = self._encode((text,), pairs, maxlen, offsets=True).encodings()[0]
        positions = list(mask_idxs)
        if positions:
            _put_masks(encoding.token_ids, positions, self)
        return encoding

    def encode_batch(
        self,
        texts: Sequence[str],
        text_pairs: Sequence[str] | None = None,
        *,
        maxlen: int | None = None,
    ) -> list[Encoding]:
        """Encode many texts, or pairs, at once; the fast way for hundreds of thousands.

        Returns:
            One :class:`Encoding` a text, in order. They share their arrays; :meth:`pad` makes a matrix.

        Raises:
            InputError: something is not a string (its row is named); texts and pairs differ in number.
        """
        return self.encode_rows(texts, text_pairs, maxlen=maxlen).encodings()

    def encode_rows(
        self,
        texts: Sequence[str],
        text_pairs: Sequence[str] | None = None,
        *,
        maxlen: int | None = None,
        offsets: bool = False,
    ) -> EncodedRows:
        """As :meth:`encode_batch`, the rows left end to end in flat arrays.

        Where tokens stand in the text is found when it is first asked for, by encoding once more, or at once
        with ``offsets``.
        """
        if isinstance(texts, str) or isinstance(text_pairs, str):
            raise InputError("texts is one string; give a list of strings, or call encode")
        firsts = tuple(texts)
        seconds = None if text_pairs is None else tuple(text_pairs)
        if seconds is not None and len(seconds) != len(firsts):
            raise InputError(f"{len(firsts)} texts and {len(seconds)} text_pairs; give one pair a text")
        return self._encode(firsts, seconds, maxlen, offsets=offsets)

    def pad(
        self, encodings: Sequence[Encoding], *, multiple_of: int = 1, length: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Token ids and segment ids as int32 matrices (n, width), padded on the right.

        See :func:`roformer_sim.text.encoding.pad_encodings`.
        """
        return pad_encodings(encodings, self.pad_id, multiple_of=multiple_of, length=length)

    def decode(self, ids: Iterable[int]) -> str:
        """Readable text of token ids, special tokens left out, spaced as bert4keras does.

        The ids of ``我用iphone 15`` give ``我用iphone 15``: no space between ideographs and what follows.

        Raises:
            InputError: an id is outside the vocabulary.
        """
        tokens = []
        for i in ids:
            if not 0 <= i < len(self._tokens):
                raise InputError(f"cannot decode the id {i}: the vocabulary has {len(self._tokens)} tokens")
            tokens.append(self._tokens[i])
        return decode_tokens(tokens)

    def keep_tokens(self, tokens: Iterable[str]) -> tuple[Tokenizer, np.ndarray]:
        """A tokenizer of fewer tokens and the rows of the old embedding it needs; :meth:`Vocabulary.keep`."""
        vocabulary, rows = self._vocabulary.keep(tokens)
        return Tokenizer(vocabulary, do_lower_case=self.do_lower_case, words=self.words), rows

    def simplified(self, startswith: Sequence[str] = SPECIAL_TOKENS) -> tuple[Tokenizer, np.ndarray]:
        """A tokenizer without the tokens no text yields; :meth:`Vocabulary.simplified`."""
        vocabulary, rows = self._vocabulary.simplified(startswith)
        return Tokenizer(vocabulary, do_lower_case=self.do_lower_case, words=self.words), rows

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write ``vocab.txt``; see :meth:`Vocabulary.save`."""
        self._vocabulary.save(path)

    def _encode(
        self, texts: tuple[str, ...], pairs: tuple[str, ...] | None, maxlen: int | None, *, offsets: bool
    ) -> EncodedRows:
        parts = texts if pairs is None else tuple(chain.from_iterable(zip(texts, pairs, strict=True)))
        opened = np.ones(len(parts), bool)
        if pairs is not None:
            opened[1::2] = False
        try:
            tokens = self._scanner.scan(parts, opened, offsets=offsets)
        except (TypeError, AttributeError):
            _refuse_what_is_no_string(texts, pairs)
            raise
        tokens, truncated = truncate(tokens, opened, maxlen)
        if pairs is None:
            segment_ids = np.zeros(len(tokens.ids), np.int32)
        else:
            segment_ids = np.repeat(~opened, np.diff(tokens.bounds)).astype(np.int32)

        def locate() -> np.ndarray:
            located = self._encode(texts, pairs, maxlen, offsets=True)
            return located.offsets

        places = locate if tokens.offsets is None else tokens.offsets
        bounds = tokens.bounds if pairs is None else tokens.bounds[::2]
        return EncodedRows(tokens.ids, segment_ids, places, bounds, truncated)


def _wrong_kind(path: str | os.PathLike[str], words: bool) -> str:
    if words:
        return (
            f"{path} is a vocabulary of characters, and is read with jieba's words (words=true): Latin words "
            "and numbers may be cut otherwise than in training"
        )
    return (
        f"{path} is a vocabulary of jieba's words, and is read by characters (words=false): its words are "
        "never used, and a model trained with them gives poor vectors"
    )


def _put_masks(token_ids: np.ndarray, positions: Sequence[int], tokenizer: Tokenizer) -> None:
    specials = (tokenizer.cls_id, tokenizer.sep_id)
    masked = token_ids.copy()
    for position in positions:
        if not 0 <= position < len(token_ids):
            raise InputError(
                f"mask_idxs: position {position} is outside the text's {len(token_ids)} tokens "
                f"([CLS] is 0, [SEP] is {len(token_ids) - 1})"
            )
        if token_ids[position] in specials:
            raise InputError(
                f"mask_idxs: position {position} is [CLS] or [SEP]; mask tokens of the text only"
            )
        masked[position] = tokenizer.mask_id
    token_ids[:] = masked


def _refuse_what_is_no_string(texts: Sequence[object], pairs: Sequence[object] | None) -> None:
    for name, items in (("texts", texts), ("text_pairs", pairs or ())):
        for row, item in enumerate(items):
            if not isinstance(item, str):
                raise InputError(f"{name}[{row}] is {type(item).__name__}, not a string")
