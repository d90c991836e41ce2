"""Every loss as a function of one (6, 5) array, and its derivative by the backend's own means."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from roformer_sim.objectives import (
    axes_regression,
    cosent_loss,
    cosine_matrix_distillation,
    in_batch_softmax,
    masked_class_cross_entropy,
    mlm_cross_entropy,
    pair_features,
    rdrop_divergence,
    simcse_supervised,
    simcse_unsupervised,
    unilm_cross_entropy,
)

TARGETS, WEIGHTS = np.int32([0, 2, 4, 1, 3, 0]), np.float32([1, 1, 0, 1, 1, 1])
# Five other columns: a teacher's vectors, another pass's logits, the kernel of a head.
OTHERS = np.random.default_rng(1).standard_normal((15, 5)).astype(np.float32)
# Rows 0, 2 and 4 mean the same, for the in-batch losses.
SAME = np.add.outer(np.arange(6), np.arange(6)) % 2 == 0


def gradient(function, x):
    """Derivative of a scalar function by the backend's own means."""
    if keras.backend.backend() == "jax":
        import jax

        return np.asarray(jax.jit(jax.grad(function))(x))
    import tensorflow as tf

    # As in training: a graph that does not know the number of rows.
    @tf.function(input_signature=[tf.TensorSpec((None, x.shape[1]), x.dtype)])
    def slope(variable):
        with tf.GradientTape() as tape:
            tape.watch(variable)
            value = function(variable)
        return tape.gradient(value, variable)

    found = slope(x)
    return None if found is None else found.numpy()


OBJECTIVES = {
    "in-batch softmax": lambda x: in_batch_softmax(x, 5.0),
    "in-batch softmax, false negatives": lambda x: in_batch_softmax(x, 5.0, SAME),
    "unsupervised SimCSE": lambda x: simcse_unsupervised(x, 0.2),
    "supervised SimCSE": lambda x: simcse_supervised(x, 0.2, SAME),
    "cosine matrix": lambda x: cosine_matrix_distillation(x, OTHERS[:6]),
    "axes": lambda x: axes_regression(x, OTHERS[:6], OTHERS[6:11]),
    "CoSENT": lambda x: cosent_loss(x, np.float32([2, 5, 2]), 5.0),
    "Sentence-BERT": lambda x: masked_class_cross_entropy(
        ops.matmul(pair_features(x), OTHERS), np.int32([1, 0, 4])
    ),
    "R-Drop, first pass": lambda x: rdrop_divergence(x, OTHERS[:6], WEIGHTS),
    "R-Drop, second pass": lambda x: rdrop_divergence(OTHERS[:6], x, WEIGHTS),
    "unilm": lambda x: unilm_cross_entropy(x, TARGETS, WEIGHTS),
    "masked language model": lambda x: mlm_cross_entropy(x, TARGETS, WEIGHTS),
}
OF_VECTORS = list(OBJECTIVES)[:8]
OF_LOGITS = list(OBJECTIVES)[8:]
