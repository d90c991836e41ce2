"""Groups of sentences that mean the same as a picture: do they lie together?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from corpus_builder.errors import InputError
from corpus_builder.readers import read_groups
from roformer_sim.evaluation.vectors.spectrum import unit_rows

SCIKIT_LEARN = "scikit-learn is not installed: pip install 'roformer-sim[evaluation]'"


@dataclass(frozen=True)
class TextGroups:
    """Some groups of a file.

    Attributes:
        file: Where they were read from.
        groups: The distinct texts of each.
        of: How many groups of enough texts the file holds.
    """

    file: str
    groups: tuple[tuple[str, ...], ...]
    of: int

    @property
    def texts(self) -> list[str]:
        """All texts, group by group."""
        return [text for group in self.groups for text in group]

    @property
    def numbers(self) -> npt.NDArray[np.intp]:
        """Group of each of ``texts``."""
        return np.repeat(np.arange(len(self.groups)), [len(group) for group in self.groups])


@dataclass(frozen=True)
class GroupPicture:
    """Where the sentences of groups lie.

    Attributes:
        places: (n, 2), the t-SNE layout.
        nearest_share: Share of the sentences whose nearest neighbour by cosine, among all of ``texts``, is
            of their own group; of the vectors themselves, not of the layout.
    """

    places: npt.NDArray[np.float64]
    nearest_share: float


def read_text_groups(
    path: str | Path, *, count: int = 20, least: int = 4, most: int = 12, seed: int = 0
) -> TextGroups:
    """Draw ``count`` groups ``{"text", "synonyms": [...]}`` of at least ``least`` texts.

    Args:
        path: JSON lines, a table or Parquet.
        count: How many groups; all that are fit where there are fewer.
        least: Fewest distinct texts of a group.
        most: Most texts taken of a group, the first ones.
        seed: Of the draw.

    Raises:
        InputError: A row is damaged, or fewer than two groups have enough texts. A text of two groups counts
            for the first.
    """
    seen: set[str] = set()
    fit = []
    for group in read_groups(path):
        texts = [text for text in dict.fromkeys(group.members) if text.strip() and text not in seen]
        if len(texts) >= least:
            seen.update(texts)
            fit.append(tuple(texts[:most]))
    if len(fit) < 2:
        raise InputError(f"{path}: {len(fit)} groups of at least {least} distinct texts; a picture needs 2")
    chosen = np.random.default_rng(seed).choice(len(fit), min(count, len(fit)), replace=False)
    return TextGroups(str(path), tuple(fit[i] for i in np.sort(chosen)), len(fit))


def lay_out_groups(
    vectors: np.ndarray, numbers: Sequence[int] | np.ndarray, *, seed: int = 0
) -> GroupPicture:
    """Lay sentences out in the plane by t-SNE on cosine distances.

    The perplexity, about how many neighbours a point has, is the mean size of a group, from 5 to 30, and
    below a third of the points. The layout starts from the first two principal components. Near points are
    near sentences; distances between clusters and their sizes say nothing.

    Args:
        vectors: (n, d), n at least 4.
        numbers: Group of each row.
        seed: Of the layout.

    Raises:
        InputError: scikit-learn is not installed, or there are fewer than four vectors.

    Reference:
        van der Maaten & Hinton, Visualizing data using t-SNE, JMLR 2008.
    """
    try:
        from sklearn.manifold import TSNE
    except ImportError as error:
        raise InputError(SCIKIT_LEARN) from error
    x = unit_rows(vectors)
    groups = np.asarray(numbers)
    if len(x) < 4 or len(groups) != len(x):
        raise InputError(f"a picture of groups needs a group for each of at least 4 vectors, not {len(x)}")
    size = len(x) / len(np.unique(groups))
    perplexity = min(float(np.clip(size, 5, 30)), (len(x) - 1) / 3)
    # Of unit vectors squared distances are 2 - 2 cos: the same neighbours as by cosine.
    layout = TSNE(2, perplexity=perplexity, init="pca", random_state=seed, learning_rate="auto")
    cosines = x @ x.T
    np.fill_diagonal(cosines, -2.0)
    share = float(np.mean(groups[cosines.argmax(axis=1)] == groups))
    return GroupPicture(np.asarray(layout.fit_transform(x.astype(np.float32)), np.float64), share)
