"""Whole-word noise on a source sentence, the input noise of RoFormer-Sim's first stage."""

from __future__ import annotations

from itertools import accumulate

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.text.vocabulary import Vocabulary
from roformer_sim.text.wordpiece import Tokenizer
from roformer_sim.text.words import cut_words

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
    """Token ids of ``text`` with noise on whole words, without [CLS] and [SEP].

    Each of jieba's words (HMM off) is chosen with probability ``rate``. Of the chosen ones 80 % become
    ``[MASK]``, one for each of their tokens, 10 % stay and 10 % become random tokens, as many as they had. A
    random token is any but those in brackets (``[PAD]``, ``[unused1]``, ...), all equally likely.

    The number of ids is that of ``tokenizer.encode(text)`` without the two special tokens. A token belongs
    to the word it begins in; the later pieces (``##``) of a Latin word go with its first.

    Args:
        text: the clean sentence: ``广州和深圳哪个好？``.
        rng: decides everything; the same state gives the same ids.
        rate: share of the words that are chosen, 0 to 1.

    Raises:
        InputError: ``rate`` is not between 0 and 1.

    Reference:
        Jianlin Su, 用开源的人工标注数据来增强RoFormer-Sim, https://kexue.fm/archives/8541
    """
    if not 0 <= rate <= 1:
        raise InputError(f"rate is {rate}; give a share between 0 and 1")
    encoding = tokenizer.encode(text)
    ids = encoding.token_ids[1:-1].copy()
    word_ends = list(accumulate(map(len, cut_words(text))))
    fate = rng.random(len(word_ends))
    if not len(ids) or not len(word_ends):
        return []
    word = np.searchsorted(word_ends, encoding.offsets[1:-1, 0], side="right")
    vocabulary = tokenizer.vocabulary
    word = word[_first_pieces(ids, vocabulary)]
    drawn = fate[word]
    ids[drawn < rate * MASKED] = tokenizer.mask_id
    random_places = np.flatnonzero((drawn >= rate * (MASKED + KEPT)) & (drawn < rate))
    if len(random_places):
        candidates = vocabulary.ordinary_ids
        ids[random_places] = candidates[rng.integers(len(candidates), size=len(random_places))]
    return ids.tolist()


def _first_pieces(ids: np.ndarray, vocabulary: Vocabulary) -> np.ndarray:
    """For each token the place of the one that begins its Latin word: the last without ``##``."""
    continues = vocabulary.continuing[ids]
    return np.maximum.accumulate(np.where(continues, 0, np.arange(len(ids))))
