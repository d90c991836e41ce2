"""The retrieval loss: find the partner among all other rows of the batch."""

from __future__ import annotations

from typing import Any

from keras import ops

from roformer_sim.models.pooling import l2_normalize
from roformer_sim.objectives.weighted_mean import weighted_mean

# Upstream's value for a row that is no candidate; all scores are float32, whatever the vectors are.
_EXCLUDED = -1e12


def partner_labels(rows: Any) -> Any:
    """Index of each row's partner when partners are neighbours: 1, 0, 3, 2, ... = i + 1 - 2 (i mod 2)."""
    index = ops.arange(rows, dtype="int32")
    return index + 1 - 2 * (index % 2)


def info_nce_loss(vectors: Any, partners: Any, scale: float, same: Any = None) -> Any:
    """Cross-entropy of picking each row's partner by cosine among the other rows of the batch.

        s_ij = scale * cos(v_i, v_j)
        L = mean_i [ log sum_{j in C_i} exp s_ij - s_i,partner(i) ]

    The mean is over the rows that have a partner. The candidates C_i are all rows but i itself and the
    false negatives: rows that mean the same as i, though they are not its partner. InfoNCE,
    arXiv:1807.03748. Of the rows 怎么开通花呗, 花呗如何开通, 怎么开通花呗？, 如何开花呗 the third is no
    negative of the first.

    Args:
        vectors: (n, d) sentence vectors.
        partners: (n,) integer index of each row's partner, -1 for a row that has none and is only a
            candidate of others.
        scale: Inverse temperature.
        same: (n, n) boolean, True where row j is not to be counted as a negative of row i; None for
            no such rows. A row's partner stays a candidate whatever is set there.

    Returns:
        Scalar in nats, at least 0, about ``log(n - 1)`` for vectors without information; 0 where no
        row has a partner.
    """
    partners = ops.cast(partners, "int32")
    scores = _candidate_scores(vectors, partners, scale, same)
    chosen = ops.take_along_axis(scores, ops.maximum(partners, 0)[:, None], axis=-1)[:, 0]
    return weighted_mean(ops.logsumexp(scores, axis=-1) - chosen, partners >= 0)


def in_batch_softmax(vectors: Any, scale: float, same: Any = None) -> Any:
    """:func:`info_nce_loss` of SimBERT's rows, where partners are neighbours.

        s_ij = scale * cos(v_i, v_j),  s_ii = -1e12
        L = mean_i [ log sum_j exp s_ij - s_i,partner(i) ]

    All other rows are negatives, but for those of ``same``. SimBERT uses scale 30
    (https://kexue.fm/archives/7427), RoFormer-Sim 20 (https://kexue.fm/archives/8454).

    Args:
        vectors: (n, d) sentence vectors, n even, partners on rows 2i and 2i + 1.
        scale: Inverse temperature.
        same: (n, n) boolean false negatives, see :func:`info_nce_loss`.

    Returns:
        Scalar in nats, about ``log(n - 1)`` for vectors without information.
    """
    return info_nce_loss(vectors, partner_labels(ops.shape(vectors)[0]), scale, same)


def partner_accuracy(vectors: Any, partners: Any, same: Any = None) -> Any:
    """Share of rows whose partner is their nearest neighbour in the batch, between 0 and 1.

    The mean is over the rows that have a partner; arguments as of :func:`info_nce_loss`.
    """
    partners = ops.cast(partners, "int32")
    nearest = ops.argmax(_candidate_scores(vectors, partners, 1.0, same), axis=-1)
    return weighted_mean(ops.equal(ops.cast(nearest, "int32"), partners), partners >= 0)


def _candidate_scores(vectors: Any, partners: Any, scale: float, same: Any) -> Any:
    """(n, n) float32 scaled cosines, the row itself and its false negatives far below all others."""
    unit = l2_normalize(vectors)
    columns = ops.arange(ops.shape(unit)[0], dtype="int32")[None, :]
    excluded = ops.equal(columns, ops.transpose(columns))
    if same is not None:
        is_partner = ops.equal(columns, partners[:, None])
        false_negative = ops.logical_and(ops.cast(same, "bool"), ops.logical_not(is_partner))
        excluded = ops.logical_or(excluded, false_negative)
    return ops.where(excluded, _EXCLUDED, ops.matmul(unit, ops.transpose(unit)) * scale)
