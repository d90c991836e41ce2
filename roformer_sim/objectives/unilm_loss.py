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
    losses = _negative_log_likelihood(ops.cast(logits, "float32"), ops.cast(targets, "int32"))
    return weighted_mean(losses, weights)


def unilm_accuracy(logits: Any, targets: Any, weights: Any) -> Any:
    """Share of target tokens that no token is more likely than, between 0 and 1."""
    # Not by argmax, which takes several times as long as a maximum.
    hits = _at(logits, ops.cast(targets, "int32")) >= ops.max(logits, axis=-1)
    return weighted_mean(hits, weights)


def _negative_log_likelihood(logits: Any, targets: Any) -> Any:
    """``log sum_v exp z_v - z_y`` of each row, with its gradient ``softmax(z) - onehot(y)`` written out.

    Half the time of the backends' own: the vocabulary is gone through once for the softmax, which the
    gradient needs anyway, and ``log sum_v exp z_v = max z - log max softmax(z)`` follows from it.
    """

    @ops.custom_gradient
    def loss(logits: Any) -> tuple[Any, Any]:
        probabilities = ops.softmax(logits, axis=-1)
        normalizer = ops.max(logits, axis=-1) - ops.log(ops.max(probabilities, axis=-1))
        losses = normalizer - _at(logits, targets)

        def gradient(*arguments: Any, upstream: Any = None) -> Any:
            factor = upstream if upstream is not None else arguments[0]
            place = ops.stack([ops.arange(ops.shape(targets)[0], dtype="int32"), targets], axis=1)
            # exp(-loss) is the target's own probability.
            return ops.scatter_update(
                probabilities * factor[:, None], place, (ops.exp(-losses) - 1.0) * factor
            )

        return losses, gradient

    return loss(logits)


def _at(logits: Any, targets: Any) -> Any:
    """Each row's entry of its target: (n, vocabulary) and (n,) to (n,)."""
    return ops.take_along_axis(logits, targets[:, None], axis=-1)[:, 0]
