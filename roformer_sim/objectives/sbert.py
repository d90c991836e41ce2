"""Sentence-BERT: classify a pair from u, v and |u - v|; several tasks share one layer of classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

STS_AND_NLI = (2, 3)
"""Classes of each task: different, same (0, 1); contradiction, entailment, neutral (2, 3, 4)."""

# In float32, whatever the logits are.
_OTHER_TASK = -1e12


def pair_features(vectors: Any) -> Any:
    """What Sentence-BERT's linear layer sees of a pair (arXiv:1908.10084): [u, v, |u - v|].

    Args:
        vectors: (n, d) sentence vectors, n even, u on row 2i and v on row 2i + 1.

    Returns:
        (n / 2, 3 d), in the dtype of the vectors.
    """
    u, v = vectors[0::2], vectors[1::2]
    return ops.concatenate([u, v, ops.abs(u - v)], axis=-1)


def masked_class_cross_entropy(logits: Any, labels: Any, task_sizes: Sequence[int] = STS_AND_NLI) -> Any:
    """Cross-entropy among the classes of the label's own task; the other tasks' are masked out.

        L = mean_i [ log sum_{c in task(y_i)} exp z_ic - z_i,y_i ]

    RoFormer-Sim's supervised training (https://kexue.fm/archives/8541): the logits are a linear
    layer without bias on :func:`pair_features`. The pair 怎么开通花呗 / 花呗如何开通 has label 1 of the
    STS task; 一个人在弹吉他 / 没有人在弹吉他 has label 2, a contradiction, of the NLI task.

    Args:
        logits: (n, classes) scores, classes = sum(task_sizes).
        labels: (n,) integer classes counted through all tasks, 0 to classes - 1; checked where the
            batch is made.
        task_sizes: Number of classes of each task, in their order; one task alone is plain cross-entropy.

    Returns:
        Scalar in nats; for equal logits the logarithm of the task's size, averaged over the pairs.
    """
    labels = ops.cast(labels, "int32")
    scores = _own_task_scores(logits, labels, task_sizes)
    return ops.mean(ops.sparse_categorical_crossentropy(labels, scores, from_logits=True))


def masked_class_accuracy(logits: Any, labels: Any, task_sizes: Sequence[int] = STS_AND_NLI) -> Any:
    """Share of pairs whose class scores highest within its task, between 0 and 1."""
    labels = ops.cast(labels, "int32")
    best = ops.argmax(_own_task_scores(logits, labels, task_sizes), axis=-1)
    return ops.mean(ops.cast(ops.equal(ops.cast(best, "int32"), labels), "float32"))


def _own_task_scores(logits: Any, labels: Any, task_sizes: Sequence[int]) -> Any:
    task = ops.convert_to_tensor(np.repeat(np.arange(len(task_sizes)), task_sizes), dtype="int32")
    own = ops.equal(ops.take(task, labels, axis=0)[:, None], task[None, :])
    return ops.where(own, ops.cast(logits, "float32"), _OTHER_TASK)
