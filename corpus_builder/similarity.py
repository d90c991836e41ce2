"""Character Jaccard similarity, and the exact search for all similar pairs of a small group.

Nothing but NumPy is needed here, so the same function is the baseline of the STS tables.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_NOT_A_LETTER = re.compile(r"[\W_]+")
# Rows of one matrix product: bounds the memory of a group of n texts to BLOCK * n * 4 bytes.
_BLOCK = 1024


def normalise(text: str) -> str:
    """What two texts are compared by: NFKC, lower case, punctuation, symbols and spaces removed.

    Example:
        >>> normalise("ＡＰＰ 打不开，怎么办？")
        'app打不开怎么办'
    """
    return _NOT_A_LETTER.sub("", unicodedata.normalize("NFKC", text).lower())


def jaccard(a: str, b: str, *, multiset: bool = False) -> float:
    r"""Character Jaccard similarity of two texts after :func:`normalise`, in [0, 1].

    With A and B the sets of characters: ``|A ∩ B| / |A ∪ B|``. With ``multiset=True`` a character counts
    as often as it occurs: ``Σ_c min(a_c, b_c) / Σ_c max(a_c, b_c)``. 0.0 where both texts are empty.

    Jaccard, Étude comparative de la distribution florale, 1901; as the rule of RoFormer-Sim's corpus:
    https://kexue.fm/archives/8454.

    Example:
        >>> jaccard("北京好吗？", "北京怎么样")
        0.2857142857142857
    """
    a, b = normalise(a), normalise(b)
    if multiset:
        counts_a, counts_b = Counter(a), Counter(b)
        union = (counts_a | counts_b).total()
        return (counts_a & counts_b).total() / union if union else 0.0
    set_a, set_b = set(a), set(b)
    union = len(set_a | set_b)
    return len(set_a & set_b) / union if union else 0.0


def jaccard_pairs(
    texts: Sequence[str], threshold: float, *, normalised: bool = False
) -> list[tuple[int, int, float]]:
    """All pairs ``i < j`` with ``jaccard(texts[i], texts[j]) >= threshold``, exactly.

    Every text becomes a 0/1 row over the characters of the group, one matrix product gives all
    intersections: ``union = |A| + |B| - |A ∩ B|``. Cost grows with the square of the number of texts; for
    thousands of texts use :func:`corpus_builder.join.jaccard_join`, which returns the same pairs.

    Args:
        texts: the group's texts.
        threshold: in (0, 1]; a pair is kept when its similarity reaches it.
        normalised: the texts have gone through :func:`normalise` already.

    Returns:
        ``(i, j, score)`` sorted by ``i``, then ``j``; a text empty after normalisation has no partner.
    """
    check_threshold(threshold)
    if not normalised:
        texts = [normalise(text) for text in texts]
    if len(texts) < 2:
        return []
    matrix, sizes = _character_matrix(texts)
    pairs: list[tuple[int, int, float]] = []
    for start in range(0, len(texts), _BLOCK):
        rows = slice(start, start + _BLOCK)
        common = matrix[rows] @ matrix[start:].T
        # inter / (a + b - inter) >= t, without the division; the slack keeps float32 from losing a pair.
        bound = (sizes[rows, None] + sizes[None, start:]) * np.float32(threshold / (1 + threshold) - 1e-5)
        left, right = np.nonzero(np.triu(common >= bound, 1))
        inter = common[left, right].astype(np.float64)
        union = sizes[start + left] + sizes[start + right].astype(np.float64) - inter
        score = inter / np.maximum(union, 1.0)
        kept = score >= threshold
        pairs += zip(
            (left[kept] + start).tolist(), (right[kept] + start).tolist(), score[kept].tolist(), strict=True
        )
    return pairs


def check_threshold(threshold: float) -> None:
    """Raise ``ValueError`` unless ``0 < threshold <= 1``."""
    if not 0 < threshold <= 1:
        raise ValueError(f"a Jaccard threshold lies in (0, 1], not {threshold}")


def _character_matrix(
    texts: Sequence[str],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """The 0/1 matrix (texts x characters that occur in two texts or more) and the size of each set."""
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    owner = np.repeat(np.arange(len(texts)), lengths)
    alphabet, column = np.unique(codes, return_inverse=True)
    matrix = np.zeros((len(texts), len(alphabet)), np.float32)
    matrix[owner, column] = 1.0
    sizes = matrix.sum(axis=1)
    # A character of a single text is in no intersection: half the columns or more go.
    return np.ascontiguousarray(matrix[:, matrix.sum(axis=0) > 1]), sizes
