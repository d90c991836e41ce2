"""The retrieval loss: find the partner among all other rows of the batch."""

from __future__ import annotations

from typing import Any

from keras import ops

from roformer_sim.models.pooling import l2_normalize

# Upstream's value; a row is never its own candidate.
_SELF = -1e12


def partner_labels(rows: Any) -> Any:
    """Index of each row's partner when partners are neighbours: 1, 0, 3, 2, ... = i + 1 - 2 (i mod 2)."""
    index = ops.arange(rows, dtype="int32")
    return index + 1 - 2 * (index % 2)


def in_batch_softmax(vectors: Any, scale: float) -> Any:
    """Cross-entropy of picking the partner by cosine among the rest of the batch.

        s_ij = scale * cos(v_i, v_j),  s_ii = -1e12
        L = mean_i [ log sum_j exp s_ij - s_i,partner(i) ]

    All other rows are negatives. SimBERT uses scale 30 (https://kexue.fm/archives/7427),
    RoFormer-Sim 20 (https://kexue.fm/archives/8454).

    Args:
        vectors: (n, d) sentence vectors, n even, partners on rows 2i and 2i + 1.
        scale: Inverse temperature.

    Returns:
        Scalar in nats, about ``log(n - 1)`` for vectors without information.
    """
    unit = l2_normalize(vectors)
    rows = ops.shape(unit)[0]
    scores = ops.matmul(unit, ops.transpose(unit)) * scale + ops.eye(rows, dtype="float32") * _SELF
    chosen = ops.take_along_axis(scores, partner_labels(rows)[:, None], axis=-1)[:, 0]
    return ops.mean(ops.logsumexp(scores, axis=-1) - chosen)


def partner_accuracy(vectors: Any) -> Any:
    """Share of rows whose partner is their nearest neighbour in the batch, between 0 and 1."""
    unit = l2_normalize(vectors)
    rows = ops.shape(unit)[0]
    scores = ops.matmul(unit, ops.transpose(unit)) + ops.eye(rows, dtype="float32") * _SELF
    nearest = ops.cast(ops.argmax(scores, axis=-1), "int32")
    return ops.mean(ops.cast(ops.equal(nearest, partner_labels(rows)), "float32"))
