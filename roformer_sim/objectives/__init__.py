"""Losses as functions of tensors: summed in float32 whatever comes in, a float32 scalar out."""

from roformer_sim.objectives.axes_regression import axes_regression
from roformer_sim.objectives.cosent import cosent_loss
from roformer_sim.objectives.cosine_matrix import cosine_matrix_distillation
from roformer_sim.objectives.info_nce import in_batch_softmax, info_nce_loss, partner_accuracy, partner_labels
from roformer_sim.objectives.mlm import mlm_accuracy, mlm_cross_entropy
from roformer_sim.objectives.rdrop import rdrop_divergence
from roformer_sim.objectives.sbert import (
    STS_AND_NLI,
    masked_class_accuracy,
    masked_class_cross_entropy,
    pair_features,
)
from roformer_sim.objectives.simcse import simcse_supervised, simcse_unsupervised, triple_partner_labels
from roformer_sim.objectives.unilm_loss import unilm_accuracy, unilm_cross_entropy

__all__ = [
    "STS_AND_NLI",
    "axes_regression",
    "cosent_loss",
    "cosine_matrix_distillation",
    "in_batch_softmax",
    "info_nce_loss",
    "masked_class_accuracy",
    "masked_class_cross_entropy",
    "mlm_accuracy",
    "mlm_cross_entropy",
    "pair_features",
    "partner_accuracy",
    "partner_labels",
    "rdrop_divergence",
    "simcse_supervised",
    "simcse_unsupervised",
    "triple_partner_labels",
    "unilm_accuracy",
    "unilm_cross_entropy",
]
