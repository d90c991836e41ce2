"""R-Drop: two dropout passes shall predict the same distribution."""

from __future__ import annotations

from typing import Any

from keras import ops

from roformer_sim.objectives.weighted_mean import weighted_mean


def rdrop_divergence(logits_a: Any, logits_b: Any, weights: Any) -> Any:
    """Symmetric Kullback-Leibler divergence of two passes over the target tokens (arXiv:2106.14448).

        p = softmax(a), q = softmax(b)
        L = sum_t w_t * 1/2 (KL(p_t || q_t) + KL(q_t || p_t)) / sum_t w_t

    Both directions together are ``sum_v (p_v - q_v)(log p_v - log q_v)``, whose terms are never negative,
    so nothing cancels. The gradient goes to both passes. The paper adds alpha times this to the sum of
    both passes' cross-entropies; Su's scripts (https://kexue.fm/archives/8496) take the mean of the
    cross-entropies and alpha / 2 times this, with alpha = 4. For 花呗怎么开通 -> 如何开通花[呗] a pass that
    gives 呗 0.9 and one that gives it 0.6 are drawn together, whatever the right token is.

    Args:
        logits_a: (n, vocabulary) scores of the first pass at the positions of ``unilm_cross_entropy``.
        logits_b: (n, vocabulary) scores of the second pass at the same positions.
        weights: (n,) 1 for a target, 0 for padding of the list.

    Returns:
        Scalar, nats per target token, at least 0; 0 where the passes agree or no weight is set.
    """
    log_p = ops.log_softmax(ops.cast(logits_a, "float32"), axis=-1)
    log_q = ops.log_softmax(ops.cast(logits_b, "float32"), axis=-1)
    both = ops.sum((ops.exp(log_p) - ops.exp(log_q)) * (log_p - log_q), axis=-1)
    return weighted_mean(0.5 * both, weights)
