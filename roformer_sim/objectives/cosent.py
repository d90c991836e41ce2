"""CoSENT: a pair labelled more similar shall have the larger cosine."""

from __future__ import annotations

from typing import Any

from keras import ops

from roformer_sim.models.pooling import l2_normalize

# exp of it is 0 in float32, in which all differences are taken.
_NOT_COMPARED = -1e12


def cosent_loss(vectors: Any, labels: Any, scale: float = 20.0, tables: Any = None) -> Any:
    """Ranking loss on the cosines of labelled pairs (Su, https://kexue.fm/archives/8847).

        L = log( 1 + sum over y_i > y_j of exp( scale * (cos_j - cos_i) ) )

    with cos_i the cosine of the i-th pair's vectors and y_i its label. Only the order of the labels
    matters, so graded ones (STS-B's 0 to 5) need no threshold; pairs with equal labels are not compared.
    If 怎么开通花呗 / 花呗如何开通 has label 5 and 怎么开通花呗 / 怎么关闭花呗 label 2, the first cosine shall
    be the larger.

    Args:
        vectors: (n, d) sentence vectors, n even, the sentences of a pair on rows 2i and 2i + 1.
        labels: (n / 2,) numbers, larger for more similar pairs, in any unit; compared in float32.
        scale: Inverse temperature.
        tables: (n / 2,) integers; labels of different tables are not compared, since people who label one
            table draw other lines than those of another. None compares all.

    Returns:
        Scalar, at least 0; ``log(1 + c)`` where all cosines are equal and c pairs of pairs are compared,
        0 where all labels are equal. A sum, not a mean: it grows with the logarithm of the batch.
    """
    unit = l2_normalize(vectors)
    cosines = ops.sum(unit[0::2] * unit[1::2], axis=-1) * scale
    labels = ops.cast(labels, "float32")
    higher = labels[:, None] > labels[None, :]
    if tables is not None:
        tables = ops.convert_to_tensor(tables)
        higher = ops.logical_and(higher, ops.equal(tables[:, None], tables[None, :]))
    violations = ops.where(higher, cosines[None, :] - cosines[:, None], _NOT_COMPARED)
    # The 1 of the formula is exp(0).
    return ops.logsumexp(ops.concatenate([ops.zeros((1,), "float32"), ops.reshape(violations, (-1,))]))
