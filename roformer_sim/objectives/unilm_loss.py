"""The generation loss: next-token cross-entropy over the target sentence."""

from __future__ import annotations

from typing import Any

from keras import ops

from roformer_sim.objectives.weighted_mean import weighted_mean


def unilm_cross_entropy(logits: Any, targets: Any, weights: Any) -> Any:
    """Mean cross-entropy of the target tokens, as in UniLM (arXiv:1905.03197) and SimBERT.

        L = sum_t w_t * (log sum_v exp z_tv - z_t,y_t) / sum_t w_t

    Args:
        logits: (n, vocabulary) float32 scores at the positions *before* each target token; the
            last source token ([SEP]) predicts the first target token.
        targets: (n,) integer target tokens, the closing [SEP] included.
        weights: (n,) 1 for a target, 0 for padding of the list.

    Returns:
        Scalar, nats per target token, 0 at best and about ``log(vocabulary)`` for an untrained
        model; 0 where no weight is set.
    """
    logits = ops.cast(logits, "float32")
    losses = ops.sparse_categorical_crossentropy(ops.cast(targets, "int32"), logits, from_logits=True)
    return weighted_mean(losses, weights)


def unilm_accuracy(logits: Any, targets: Any, weights: Any) -> Any:
    """Share of target tokens that are the most likely ones, between 0 and 1."""
    hits = ops.equal(ops.cast(ops.argmax(logits, axis=-1), "int32"), ops.cast(targets, "int32"))
    return weighted_mean(hits, weights)
