"""From hidden states to one vector a sentence: the four poolings of the Chinese STS tables.

Keras is imported where it is used, so that ``roformer_sim.models`` loads without it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from corpus_builder.errors import InputError


class Pooling(StrEnum):
    """Where a sentence vector is taken from.

    P1: last layer, [CLS]. P2: the pooler, a linear layer on P1's vector. P3: mean of the last layer
    over all tokens, [CLS] and [SEP] included. P4: mean of the first and last layers, averaged over
    the tokens.
    """

    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"

    @classmethod
    def _missing_(cls, value: object) -> None:
        raise InputError(f"pooling {value!r}: expected one of {', '.join(cls)}")


def masked_mean(hidden: Any, token_mask: Any) -> Any:
    """Mean over the tokens that are not padding: (batch, length, d) and (batch, length) to (batch, d)."""
    from keras import ops

    weights = ops.cast(token_mask, "float32")[..., None]
    total = ops.sum(ops.cast(hidden, "float32") * weights, axis=1)
    return total / ops.maximum(ops.sum(weights, axis=1), 1.0)


def l2_normalize(vectors: Any) -> Any:
    """Rows of length 1, float32; a zero row stays zero."""
    from keras import ops

    vectors = ops.cast(vectors, "float32")
    squares = ops.sum(ops.square(vectors), axis=-1, keepdims=True)
    # Bounded below before the root, whose slope at 0 would make the gradient NaN.
    return vectors / ops.sqrt(ops.maximum(squares, 1e-24))
