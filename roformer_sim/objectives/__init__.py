"""Losses as functions of tensors: float32 in, a float32 scalar out."""

from roformer_sim.objectives.info_nce import in_batch_softmax, partner_accuracy, partner_labels
from roformer_sim.objectives.unilm_loss import unilm_accuracy, unilm_cross_entropy

__all__ = ["in_batch_softmax", "partner_accuracy", "partner_labels", "unilm_accuracy", "unilm_cross_entropy"]
