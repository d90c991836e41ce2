"""Other ways to find all similar pairs of a group of normalised texts, each as fast as it is simple."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

Result = list[tuple[int, int, float]]


def python_sets(texts: Sequence[str], threshold: float) -> Result:
    """Two loops over sets."""
    sets = [set(text) for text in texts]
    pairs = []
    for i, a in enumerate(sets):
        for j in range(i + 1, len(sets)):
            shared = len(a & sets[j])
            score = shared / (len(a) + len(sets[j]) - shared)
            if score >= threshold:
                pairs.append((i, j, score))
    return pairs


def python_ints(texts: Sequence[str], threshold: float) -> Result:
    """Two loops over sets written as the bits of whole numbers."""
    bit_of: dict[str, int] = {}
    sets = []
    for text in texts:
        bits = 0
        for character in text:
            bits |= 1 << bit_of.setdefault(character, len(bit_of))
        sets.append((bits, bits.bit_count()))
    pairs = []
    for i, (a, size) in enumerate(sets):
        for j in range(i + 1, len(sets)):
            b, other = sets[j]
            shared = (a & b).bit_count()
            score = shared / (size + other - shared)
            if score >= threshold:
                pairs.append((i, j, score))
    return pairs


def numpy_matmul(texts: Sequence[str], threshold: float) -> Result:
    """One product of the 0/1 matrix texts x characters; characters of one text only left out."""
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    codes = np.frombuffer("".join(texts).encode("utf-32-le"), np.uint32)
    alphabet, column = np.unique(codes, return_inverse=True)
    matrix = np.zeros((len(texts), len(alphabet)), np.float32)
    matrix[np.repeat(np.arange(len(texts)), lengths), column] = 1
    sizes = matrix.sum(axis=1)
    matrix = np.ascontiguousarray(matrix[:, matrix.sum(axis=0) > 1])
    return _above(matrix @ matrix.T, sizes, threshold)


def rapidfuzz_cdist(texts: Sequence[str], threshold: float) -> Result:
    """Longest common subsequences of the sorted sets, which are their intersections, all in one call."""
    from rapidfuzz.distance import LCSseq
    from rapidfuzz.process import cdist

    sets = ["".join(sorted(set(text))) for text in texts]
    common = cdist(sets, sets, scorer=LCSseq.similarity, dtype=np.int32, workers=1)
    return _above(common, np.fromiter(map(len, sets), np.float32, len(sets)), threshold)


def set_similarity_search(texts: Sequence[str], threshold: float) -> Result:
    """The package's all-pairs search (prefix filtering in Python)."""
    from SetSimilaritySearch import all_pairs

    found = all_pairs([set(text) for text in texts], "jaccard", threshold)
    return sorted((int(min(a, b)), int(max(a, b)), float(score)) for a, b, score in found)


def _above(common: np.ndarray, sizes: np.ndarray, threshold: float) -> Result:
    bound = (sizes[:, None] + sizes[None, :]) * np.float32(threshold / (1 + threshold) - 1e-5)
    left, right = np.nonzero(np.triu(common >= bound, 1))
    shared = common[left, right].astype(np.float64)
    score = shared / (sizes[left].astype(np.float64) + sizes[right] - shared)
    kept = score >= threshold
    return list(zip(left[kept].tolist(), right[kept].tolist(), score[kept].tolist(), strict=True))


PEERS: dict[str, Callable[[Sequence[str], float], Result]] = {
    "Python sets": python_sets,
    "Python int bitsets": python_ints,
    "NumPy matmul": numpy_matmul,
    "rapidfuzz cdist": rapidfuzz_cdist,
    "SetSimilaritySearch": set_similarity_search,
}
