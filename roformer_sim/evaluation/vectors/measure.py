"""All figures of one encoder on one file of pairs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from roformer_sim.evaluation.geometry import alignment, uniformity
from roformer_sim.evaluation.sts.measure import row_cosines
from roformer_sim.evaluation.vectors.encoders import VectorEncoder
from roformer_sim.evaluation.vectors.groups import GroupPicture, TextGroups, lay_out_groups
from roformer_sim.evaluation.vectors.pairs import LabelledPairs, TextPair
from roformer_sim.evaluation.vectors.separation import auc
from roformer_sim.evaluation.vectors.spectrum import effective_rank, mean_cosine, variance_shares

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class VectorGeometry:
    """What space an encoder makes of the sentences of some pairs.

    Attributes:
        name: Of the encoder.
        dimensions: d of its vectors.
        sentences: Distinct ones; uniformity, mean cosine and spectrum are theirs.
        alignment: Mean squared distance of positive pairs' unit vectors, 0 to 4.
        uniformity: log of the mean Gaussian potential of all pairs of sentences, at most 0.
        positive_cosines, negative_cosines: One a pair.
        auc: Chance that a positive pair's cosine is above a negative one's.
        mean_cosine: Of all pairs of different sentences.
        variance_shares: Of the principal components, largest first.
        effective_rank: How many dimensions are used.
        truncated: Sentences cut, where that is known.
        groups: Layout of groups, where some were given.
        seconds: For encoding.
    """

    name: str
    dimensions: int
    sentences: int
    alignment: float
    uniformity: float
    positive_cosines: Floats
    negative_cosines: Floats
    auc: float
    mean_cosine: float
    variance_shares: Floats
    effective_rank: float
    truncated: int | None = None
    groups: GroupPicture | None = None
    seconds: float = 0.0


def measure_geometry(
    encode: VectorEncoder | Callable[[list[str]], np.ndarray],
    pairs: LabelledPairs,
    groups: TextGroups | None = None,
    *,
    name: str = "encoder",
    seed: int = 0,
) -> VectorGeometry:
    """Measure an encoder; each distinct sentence is encoded once.

    Args:
        encode: An encoder, or any function from n sentences to (n, d).
        pairs: What is measured on.
        groups: What is laid out, if anything.
        name: Of a function.
        seed: Of the layout, and of the sample of 4,096 sentences that uniformity takes of more.

    Raises:
        InputError: ``encode`` does not return one finite, nonzero vector a sentence.

    Example:
        >>> pairs = read_labelled_pairs("LCQMC/valid.tsv", rows=1000)  # doctest: +SKIP
        >>> measure_geometry(load_vector_encoder("use"), pairs).uniformity  # doctest: +SKIP
    """
    encoder = encode if isinstance(encode, VectorEncoder) else VectorEncoder(name, encode)
    texts = pairs.texts
    started = time.perf_counter()
    vectors = encoder(texts)
    seconds = time.perf_counter() - started
    place = {text: i for i, text in enumerate(texts)}

    def rows(chosen: tuple[TextPair, ...]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        both = np.array([[place[a], place[b]] for a, b in chosen], np.intp)
        return both[:, 0], both[:, 1]

    left, right = rows(pairs.positives)
    positive, negative = row_cosines(vectors, left, right), row_cosines(vectors, *rows(pairs.negatives))
    picture = None if groups is None else lay_out_groups(encoder(groups.texts), groups.numbers, seed=seed)
    return VectorGeometry(
        name=encoder.name,
        dimensions=vectors.shape[1],
        sentences=len(texts),
        alignment=alignment(vectors[left], vectors[right]),
        uniformity=uniformity(vectors, seed=seed),
        positive_cosines=positive,
        negative_cosines=negative,
        auc=auc(positive, negative),
        mean_cosine=mean_cosine(vectors),
        variance_shares=variance_shares(vectors),
        effective_rank=effective_rank(vectors),
        truncated=encoder.count_truncated(texts) if encoder.count_truncated else None,
        groups=picture,
        seconds=seconds,
    )
