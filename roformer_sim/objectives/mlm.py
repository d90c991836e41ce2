"""The masked language model: the original tokens at the positions that were chosen."""

from __future__ import annotations

from typing import Any

from roformer_sim.objectives.unilm_loss import unilm_accuracy, unilm_cross_entropy


def mlm_cross_entropy(logits: Any, targets: Any, weights: Any) -> Any:
    """Mean cross-entropy of the original tokens at the chosen positions (BERT, arXiv:1810.04805).

        L = sum_t w_t * (log sum_v exp z_tv - z_t,y_t) / sum_t w_t

    The sum of ``unilm_cross_entropy`` over other positions: the logits stand *at* the token to restore,
    not before it, under a mask that sees both sides. Chosen positions are all that were to be predicted,
    those left unchanged or replaced at random included: of 科学[MASK][MASK]是第一生产力 the targets are
    技 and 术.

    Args:
        logits: (n, vocabulary) scores at the chosen positions, listed over the whole batch.
        targets: (n,) integer original tokens there.
        weights: (n,) 1 for a chosen position, 0 for padding of the list.

    Returns:
        Scalar, nats per chosen token, 0 at best and about ``log(vocabulary)`` for an untrained model;
        0 where nothing was chosen.
    """
    return unilm_cross_entropy(logits, targets, weights)


def mlm_accuracy(logits: Any, targets: Any, weights: Any) -> Any:
    """Share of chosen tokens that are the most likely ones, between 0 and 1."""
    return unilm_accuracy(logits, targets, weights)
