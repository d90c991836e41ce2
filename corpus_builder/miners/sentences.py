"""The sentences of many documents or answers at once, ready to be compared: cut, normalised, sifted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from corpus_builder.kernels.hashing import span_hashes
from corpus_builder.kernels.normalise import normalise_spans
from corpus_builder.kernels.selection import Keys, chinese_counts, is_among, is_first, take_texts
from corpus_builder.kernels.sentences import sentence_spans
from corpus_builder.kernels.texts import Codes, Offsets, encode_texts
from corpus_builder.rules import Rules
from corpus_builder.segmentation import clean_text

Counts = Counter[str]
NO_KEYS: Keys = np.zeros(0, np.uint64)


class TextGroup(NamedTuple):
    """Texts whose sentences are compared with one another: a document, or the answers to one question.

    Attributes:
        texts: The document alone, or one text for each answer.
        source: Name of the corpus.
        origin: Where in the corpus: a document's identity, a question.
    """

    texts: tuple[str, ...]
    source: str
    origin: str


@dataclass(frozen=True, slots=True)
class Sentences:
    """Sentences of many groups, as written and normalised; sentence s has place s in every array.

    Attributes:
        text: All texts end to end.
        starts, ends: Where in ``text`` each sentence stands.
        codes, offsets: The normalised sentences end to end.
        hashes: 64 bits for each normalised sentence.
        group, part: Number of its group, and of its text among all texts.
        hashes_of_texts: The different sentences of each text, one text after the other: what boilerplate is
            counted by.
    """

    text: str
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    codes: Codes
    offsets: Offsets
    hashes: Keys
    group: npt.NDArray[np.int64]
    part: npt.NDArray[np.int64]
    hashes_of_texts: Keys

    def __len__(self) -> int:
        return len(self.starts)

    def written(self, place: int) -> str:
        """A sentence as it will be written: runs of white space and control characters are one space."""
        return clean_text(self.text[self.starts[place] : self.ends[place]])


def cut_and_sift(
    groups: Sequence[TextGroup],
    rules: Rules,
    counts: Counts,
    *,
    excluded: Keys = NO_KEYS,
    across_texts: bool = False,
) -> Sentences:
    """Cut texts into sentences and keep those worth comparing.

    Left out, and counted in this order: too short or long, too little Chinese, of a benchmark, said before in
    the same group (in the same text where pairs are sought across texts).

    Args:
        groups: Any number; a few million characters at a time fill the machine's caches best.
        rules: Lengths and share of Chinese, and whether traditional characters are simplified.
        counts: Counted up.
        excluded: Hashes of normalised sentences to leave out, growing.
        across_texts: Whether pairs are sought between different texts of a group.
    """
    texts = [text for group in groups for text in group.texts]
    group_of_text = np.repeat(np.arange(len(groups)), [len(group.texts) for group in groups])
    codes, offsets = encode_texts(texts)
    starts, ends, owner = sentence_spans(codes, offsets)
    counts["sentences"] += len(starts)
    lengths = ends - starts
    kept = np.flatnonzero((lengths >= rules.min_chars) & (lengths <= rules.max_chars))
    counts["sentences dropped: length"] += len(starts) - len(kept)
    normal, normal_offsets = normalise_spans(codes, starts[kept], ends[kept], simplified=rules.simplified)
    sizes = np.diff(normal_offsets)
    chinese = chinese_counts(normal, normal_offsets)
    hashes = span_hashes(normal, normal_offsets)
    places = np.arange(len(kept))

    def drop(bad: npt.NDArray[np.bool_], reason: str) -> None:
        nonlocal places
        counts[f"sentences dropped: {reason}"] += int(bad.sum())
        places = places[~bad]

    drop((sizes == 0) | (chinese < rules.min_chinese * sizes), "not Chinese")
    if len(excluded):
        drop(is_among(hashes[places], excluded), "in a benchmark")
    part = owner[kept[places]]
    new_in_text = is_first(part, hashes[places])
    of_texts = hashes[places[new_in_text]]
    repeated = ~(new_in_text if across_texts else is_first(group_of_text[part], hashes[places]))
    drop(repeated, "said before")
    part = owner[kept[places]]
    counts["sentences compared"] += len(places)
    taken, taken_offsets = take_texts(normal, normal_offsets, places)
    return Sentences(
        "".join(texts),
        starts[kept[places]],
        ends[kept[places]],
        taken,
        taken_offsets,
        hashes[places],
        group_of_text[part],
        part,
        of_texts,
    )
