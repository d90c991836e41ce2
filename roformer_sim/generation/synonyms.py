"""gen_synonyms: sample many sentences, keep the ones nearest to the input."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.generation.decoder import sample_targets
from roformer_sim.models import Backbone
from roformer_sim.text import Tokenizer

EncodeFunction = Callable[[list[str]], np.ndarray]
"""Sentences to unit vectors (n, d)."""


class Synonym(NamedTuple):
    """A generated sentence and its cosine with the input, between -1 and 1."""

    text: str
    score: float


def sample_texts(
    backbone: Backbone,
    tokenizer: Tokenizer,
    text: str,
    n: int,
    *,
    mask_idxs: Sequence[int] = (),
    top_k: int | None = None,
    top_p: float | None = 0.95,
    temperature: float = 1.0,
    maxlen: int = 64,
    seed: int | None = None,
) -> list[str]:
    """``n`` sampled sentences, duplicates included, in the order drawn.

    [PAD], [UNK], [CLS] and [MASK] are never drawn: they would vanish when the tokens are decoded.

    Raises:
        InputError: Empty text, a mask index that names no token of the text, a sampling parameter
            out of range.
    """
    if n < 1:
        raise InputError(f"n must be at least 1, not {n}")
    # Control characters and lone surrogates vanish: what is left counts.
    if not text.strip() or len(tokenizer.encode(text, maxlen=3)) == 2:
        raise InputError("the text is empty; give a sentence, for example 广州和深圳哪个好？")
    encoding = tokenizer.encode(text, maxlen=maxlen, mask_idxs=mask_idxs)
    if encoding.truncated:
        warnings.warn(f"text of {len(text)} characters cut to {maxlen} tokens: {text[:20]}…", stacklevel=2)
    rows = sample_targets(
        backbone,
        encoding.token_ids.tolist(),
        n,
        end_id=tokenizer.sep_id,
        banned_ids=(tokenizer.pad_id, tokenizer.unk_id, tokenizer.cls_id, tokenizer.mask_id),
        top_k=top_k,
        top_p=top_p,
        temperature=temperature,
        maxlen=maxlen,
        rng=np.random.default_rng(seed),
    )
    return [tokenizer.decode(row) for row in rows]


def rank_synonyms(text: str, candidates: Sequence[str], encode: EncodeFunction, k: int) -> list[Synonym]:
    """The ``k`` distinct candidates most similar to ``text``, best first.

    Duplicates and the text itself are dropped. Decoding sets spaces by rules of its own and the
    vocabulary is lower-case, so a candidate that differs from the text in spaces and letter case alone
    counts as the text: ``iphone 5好吗`` for ``iPhone5好吗``.
    """
    distinct = [c for c in dict.fromkeys(candidates) if c and _bare(c) != _bare(text)]
    if not distinct:
        return []
    vectors = encode([text, *distinct])
    scores = vectors[1:] @ vectors[0]
    order = np.argsort(-scores, kind="stable")[:k]
    return [Synonym(distinct[i], float(scores[i])) for i in order]


def _bare(text: str) -> str:
    return "".join(text.lower().split())
