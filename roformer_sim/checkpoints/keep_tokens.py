"""Simplified vocabularies: keep the embedding rows of some tokens only."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.checkpoints.preset import Preset
from roformer_sim.checkpoints.vocabulary_map import with_step, write_ranges
from roformer_sim.text import Tokenizer

VOCABULARY_WEIGHTS = ("token_embedding/embeddings", "lm_bias")
"""The weights with one row a token; the product of the language-model head is tied to the first."""


def vocabulary_weights(weights: Mapping[str, np.ndarray]) -> list[str]:
    """Those of :data:`VOCABULARY_WEIGHTS` that a network has: without a head there is no bias."""
    return [name for name in VOCABULARY_WEIGHTS if name in weights]


def keep_embedding_rows(weights: Mapping[str, np.ndarray], rows: np.ndarray) -> dict[str, np.ndarray]:
    """Weights for a vocabulary whose token ``i`` was token ``rows[i]``.

    Args:
        weights: By name, as of a :class:`Preset`; not changed.
        rows: (new size,) integers, from :meth:`Tokenizer.keep_tokens` or :meth:`Tokenizer.simplified`.

    Raises:
        InputError: A row is outside the embedding.
    """
    rows = np.asarray(rows)
    size = len(weights[VOCABULARY_WEIGHTS[0]])
    outside = rows[(rows < 0) | (rows >= size)]
    if len(outside):
        raise InputError(f"cannot keep embedding row {outside[0]}: the embedding has {size} rows")
    return dict(weights) | {name: weights[name][rows] for name in vocabulary_weights(weights)}


def keep_tokens(preset: Preset, tokenizer: Tokenizer, rows: np.ndarray) -> Preset:
    """The preset with a smaller vocabulary, as bert4keras's ``keep_tokens`` loads one.

    Texts of kept tokens give the same vectors as before. ``metadata["vocabulary"]`` of the result holds the
    old row of each token, so that other tools can do the same to the original checkpoint
    (:func:`roformer_sim.checkpoints.vocabulary_map.bert4keras_arguments`).

    Example:
        >>> small = keep_tokens(preset, *preset.tokenizer.simplified())  # doctest: +SKIP

    Raises:
        InputError: ``rows`` does not fit ``tokenizer`` or the embedding.
    """
    if tokenizer.vocab_size != len(rows):
        raise InputError(
            f"a tokenizer of {tokenizer.vocab_size} tokens and {len(rows)} embedding rows to keep"
        )
    config = preset.config.model_copy(
        update={"vocab_size": tokenizer.vocab_size, "pad_token_id": tokenizer.pad_id}
    )
    step = {
        "change": "kept",
        "tokens_before": preset.config.vocab_size,
        "tokens": tokenizer.vocab_size,
        "rows": write_ranges(rows),
    }
    weights = keep_embedding_rows(preset.weights, rows)
    return Preset(config, tokenizer, weights, with_step(preset.metadata, step))
