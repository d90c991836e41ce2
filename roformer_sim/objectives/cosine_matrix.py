"""Distillation: the student's sentences shall be as similar to one another as the teacher's."""

from __future__ import annotations

from typing import Any

from keras import ops

from roformer_sim.models.pooling import l2_normalize


def cosine_matrix_distillation(student: Any, teacher: Any) -> Any:
    """Squared difference of the two cosine matrices, as in RoFormer-Sim's second stage.

        L = 1 / n^2 * sum_ij (cos(s_i, s_j) - cos(t_i, t_j))^2

    The mean is over all n^2 entries: the diagonal, 1 on both sides, adds nothing to the sum but counts
    in n^2. Upstream multiplies by 100 (https://kexue.fm/archives/8454); that weight is the recipe's.
    Only similarities are compared, so teacher and student may differ in dimension. If the teacher gives
    广州和深圳哪个好 and 深圳和广州哪个好 0.95, the student is pulled to 0.95, not to 1.

    Args:
        student: (n, d) vectors that are trained.
        teacher: (n, e) vectors of the same sentences in the same order, constants: no gradient goes there.

    Returns:
        Scalar between 0 and 4.
    """
    difference = _cosine_matrix(student) - _cosine_matrix(ops.stop_gradient(ops.convert_to_tensor(teacher)))
    return ops.mean(ops.square(difference))


def _cosine_matrix(vectors: Any) -> Any:
    unit = l2_normalize(vectors)
    return ops.matmul(unit, ops.transpose(unit))
