"""Regression: the student's vector shall point where the teacher's points, in the student's dimensions."""

from __future__ import annotations

from typing import Any

from keras import ops

from roformer_sim.models.pooling import l2_normalize


def axes_regression(student: Any, teacher: Any, axes: Any) -> Any:
    """Squared distance of two directions, the teacher's seen along fixed axes.

        L = 1 / n * sum_i | s_i / |s_i| - A t_i / |A t_i| |^2

    Unlike the cosine matrix, which fixes the student's vectors up to a rotation and compares a sentence with
    the batch's alone, this names the place of each sentence: the gradient of a row needs no other row.
    (Reimers and Gurevych, arXiv:2004.09813, train a student so, there in the teacher's own dimensions.)

    Args:
        student: (n, d) vectors that are trained.
        teacher: (n, e) vectors of the same sentences, constants.
        axes: (e, d) constants, see :mod:`roformer_sim.teachers.axes`.

    Returns:
        Scalar between 0 and 4, which is 2 (1 - mean cosine).
    """
    target = ops.matmul(ops.cast(ops.convert_to_tensor(teacher), "float32"), ops.convert_to_tensor(axes))
    difference = l2_normalize(student) - l2_normalize(ops.stop_gradient(target))
    return ops.mean(ops.sum(ops.square(difference), axis=-1))
