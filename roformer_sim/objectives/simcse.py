"""SimCSE: in-batch softmax with dropout as the noise, or with contradictions as hard negatives."""

from __future__ import annotations

from typing import Any

from keras import ops

from roformer_sim.objectives.info_nce import in_batch_softmax, info_nce_loss

TEMPERATURE = 0.05


def simcse_unsupervised(vectors: Any, temperature: float = TEMPERATURE, same: Any = None) -> Any:
    """Find the other dropout pass of the same sentence (arXiv:2104.08821, section 3).

        s_ij = cos(v_i, v_j) / temperature,  s_ii = -1e12
        L = mean_i [ log sum_j exp s_ij - s_i,partner(i) ]

    The rows 广州和深圳哪个好, 广州和深圳哪个好, 明天会下雨吗, 明天会下雨吗 have the partners 1, 0, 3, 2:
    each sentence stands twice and each of its rows looks for the other. Upstream SimCSE looks in one
    direction and among the second passes alone, n / 2 candidates; here all other rows are candidates,
    n - 1, as in Su's SimCSE (https://kexue.fm/archives/8348).

    Args:
        vectors: (n, d) sentence vectors, n even, rows 2i and 2i + 1 two passes of one sentence.
        temperature: Divides the cosines.
        same: (n, n) boolean false negatives, see :func:`~roformer_sim.objectives.info_nce_loss`.

    Returns:
        Scalar in nats, about ``log(n - 1)`` for vectors without information.
    """
    return in_batch_softmax(vectors, 1.0 / temperature, same)


def triple_partner_labels(rows: Any) -> Any:
    """Partners of (anchor, positive, hard negative) rows: 1, 0, -1, 4, 3, -1, ...; -1 has none."""
    index = ops.arange(rows, dtype="int32")
    place = index % 3
    return ops.where(place == 2, -1, index + 1 - 2 * place)


def simcse_supervised(vectors: Any, temperature: float = TEMPERATURE, same: Any = None) -> Any:
    """Find the entailed sentence among all others, contradictions included (arXiv:2104.08821, section 4).

        s_ij = cos(v_i, v_j) / temperature,  s_ii = -1e12
        L = mean over i mod 3 < 2 of [ log sum_j exp s_ij - s_i,partner(i) ]

    Rows are NLI triples, as 一个人在弹吉他, 有人在演奏乐器, 没有人在弹吉他: an anchor, what it entails, what
    contradicts it. Anchor and positive look for one another; the third row has no label and is a
    candidate of all, most of all a hard negative of its own triple.

    Args:
        vectors: (n, d) sentence vectors, n a multiple of 3.
        temperature: Divides the cosines.
        same: (n, n) boolean false negatives, see :func:`~roformer_sim.objectives.info_nce_loss`.

    Returns:
        Scalar in nats, about ``log(n - 1)`` for vectors without information.
    """
    return info_nce_loss(vectors, triple_partner_labels(ops.shape(vectors)[0]), 1.0 / temperature, same)
