"""Whole-word noise on a source sentence, the input noise of RoFormer-Sim's first stage."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, pairwise
from typing import NamedTuple

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.text.vocabulary import Vocabulary
from roformer_sim.text.wordpiece import Tokenizer
from roformer_sim.text.words import Segmenter, cut_words

MASKED, KEPT = 0.8, 0.1
"""Shares of the chosen words that become [MASK] and that stay; the rest become random tokens."""


def whole_word_noise(
    text: str,
    tokenizer: Tokenizer,
    rng: np.random.Generator,
    *,
    rate: float = 0.15,
    segmenter: Segmenter = "jieba",
) -> list[int]:
    """Token ids of one text with noise on whole words: :func:`whole_word_noise_batch` of ``[text]``."""
    return whole_word_noise_batch([text], tokenizer, rng, rate=rate, segmenter=segmenter)[0]


def whole_word_noise_batch(
    texts: Sequence[str],
    tokenizer: Tokenizer,
    rng: np.random.Generator,
    *,
    rate: float = 0.15,
    segmenter: Segmenter = "jieba",
) -> list[list[int]]:
    """Token ids of each text with noise on whole words, without [CLS] and [SEP].

    Each word (HMM off) is chosen with probability ``rate``. Of the chosen ones 80 % become ``[MASK]``, one
    for each of their tokens, 10 % stay and 10 % become random tokens, as many as they had. A random token is
    any but those in brackets (``[PAD]``, ``[unused1]``, ...), all equally likely.

    The number of ids is that of ``tokenizer.encode(text)`` without the two special tokens. A token belongs
    to the word it begins in; the later pieces (``##``) of a Latin word go with its first.

    Args:
        texts: the clean sentences: ``["广州和深圳哪个好？", "今天下雨吗"]``.
        rng: decides everything; the same state and texts give the same ids.
        rate: share of the words that are chosen, 0 to 1.
        segmenter: what cuts the words, see :data:`roformer_sim.text.words.Segmenter`.

    Raises:
        InputError: ``rate`` is not between 0 and 1; the segmenter is unknown or not installed.

    Reference:
        Jianlin Su, 用开源的人工标注数据来增强RoFormer-Sim, https://kexue.fm/archives/8541
    """
    return [
        masked.ids for masked in whole_word_masking(texts, tokenizer, rng, rate=rate, segmenter=segmenter)
    ]


class MaskedText(NamedTuple):
    """A text under whole-word noise, without [CLS] and [SEP].

    Attributes:
        ids: Token ids after the noise.
        chosen: Places of the tokens of chosen words, those that stayed as they were included.
        clean: The tokens that stood there.
    """

    ids: list[int]
    chosen: list[int]
    clean: list[int]


def whole_word_masking(
    texts: Sequence[str],
    tokenizer: Tokenizer,
    rng: np.random.Generator,
    *,
    rate: float = 0.15,
    segmenter: Segmenter = "jieba",
) -> list[MaskedText]:
    """The noise of :func:`whole_word_noise_batch` and what it changed, for a masked language model."""
    if not 0 <= rate <= 1:
        raise InputError(f"rate is {rate}; give a share between 0 and 1")
    rows = tokenizer.encode_rows(texts, offsets=True)
    inner = np.ones(len(rows.token_ids), bool)
    inner[rows.bounds[:-1]] = inner[rows.bounds[1:] - 1] = False
    ids = rows.token_ids[inner]
    bounds = rows.bounds - 2 * np.arange(len(rows.bounds))
    # The texts laid end to end: where each token begins and each word ends.
    text_begins = np.cumsum([0, *map(len, texts)])[:-1]
    begins = rows.offsets[inner, 0] + np.repeat(text_begins, np.diff(bounds))
    words = list(chain.from_iterable(cut_words(text, segmenter) for text in texts))
    word_ends = np.cumsum(np.fromiter(map(len, words), np.int64, len(words)))
    fate = rng.random(len(words))
    clean, chosen = ids.copy(), np.zeros(0, np.int64)
    if len(ids):
        word = np.searchsorted(word_ends, begins, side="right")
        token_fate = fate[word[_first_pieces(ids, bounds, tokenizer.vocabulary)]]
        _apply(token_fate, rate, ids, tokenizer, rng)
        chosen = np.flatnonzero(token_fate < rate)
    flat, result = ids.tolist(), []
    for start, stop in pairwise(bounds.tolist()):
        mine = chosen[np.searchsorted(chosen, start) : np.searchsorted(chosen, stop)]
        result.append(MaskedText(flat[start:stop], (mine - start).tolist(), clean[mine].tolist()))
    return result


def _apply(
    fate: np.ndarray, rate: float, ids: np.ndarray, tokenizer: Tokenizer, rng: np.random.Generator
) -> None:
    """Change ``ids`` in place as the ``fate`` of each token's word, uniform in [0, 1), says."""
    ids[fate < rate * MASKED] = tokenizer.mask_id
    random_places = np.flatnonzero((fate >= rate * (MASKED + KEPT)) & (fate < rate))
    if len(random_places):
        candidates = tokenizer.vocabulary.ordinary_ids
        ids[random_places] = candidates[rng.integers(len(candidates), size=len(random_places))]


def _first_pieces(ids: np.ndarray, bounds: np.ndarray, vocabulary: Vocabulary) -> np.ndarray:
    """For each token the place of the one that begins its Latin word: the last without ``##``."""
    continues = vocabulary.continuing[ids]
    starts = bounds[:-1]
    continues[starts[starts < len(ids)]] = False  # no text goes on from the one before
    return np.maximum.accumulate(np.where(continues, 0, np.arange(len(ids))))
