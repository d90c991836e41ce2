"""Which two sentences stand in row k: an endless, seeded, 1:1 stream of pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from corpus_builder.errors import InputError
from corpus_builder.readers import find_inputs, read_groups, read_pairs
from corpus_builder.segmentation import cut_to_length

SentencePair = tuple[str, str]


@dataclass(frozen=True)
class PairSource:
    """Sets of similar sentences, two or more texts each; any two of a set make a pair."""

    sets: Sequence[tuple[str, ...]]
    seed: int

    def pair(self, index: int) -> SentencePair:
        """The ``index``-th pair of an endless stream.

        Each pass over the sets takes them in a new random order; from a set, two different texts in
        random order, as SimBERT does. The result depends on the seed and the index alone, so a
        resumed run goes on where it stopped.
        """
        passes, place = divmod(index, len(self.sets))
        chosen = self.sets[_order(len(self.sets), self.seed, passes)[place]]
        rng = np.random.default_rng((self.seed, 1, index))
        first, second = rng.choice(len(chosen), size=2, replace=False)
        return chosen[first], chosen[second]


_ORDERS: dict[tuple[int, int, int], np.ndarray] = {}


def _order(size: int, seed: int, passes: int) -> np.ndarray:
    key = (size, seed, passes)
    if key not in _ORDERS:
        if len(_ORDERS) > 8:
            _ORDERS.clear()
        _ORDERS[key] = np.random.default_rng((seed, 0, passes)).permutation(size)
    return _ORDERS[key]


class PairStream:
    """Questions and general sentences in turn, 1:1, whatever the sizes of the two corpora.

    Args:
        groups: Files and folders of question groups, or what ``corpus-builder mix`` made: groups of both
            kinds.
        pairs: Files and folders of answer and document pairs; without any general sentences, all are
            questions.
        maxlen: Texts far longer than this are cut at sentence marks and their first piece is taken.
        held_out: Sets of each kind kept for validation, the same for every seed.
        seed: Decides every draw.

    Raises:
        InputError: An unreadable file (file and line named), or too few sets.
    """

    def __init__(
        self, groups: Sequence[str], pairs: Sequence[str], *, maxlen: int, held_out: int, seed: int
    ) -> None:
        question_sets: list[tuple[str, ...]] = []
        general_sets: list[tuple[str, ...]] = []
        for path in find_inputs(groups):
            for group in read_groups(path):
                sets = general_sets if group.kind == "general" else question_sets
                sets.append(_shortened(group.members, maxlen))
        for path in find_inputs(pairs) if pairs else []:
            general_sets += (_shortened((pair.text_a, pair.text_b), maxlen) for pair in read_pairs(path))
        self.training: list[PairSource] = []
        self.held_out: list[PairSource] = []
        for kind, sets in enumerate((question_sets, general_sets)):
            usable = [texts for texts in sets if len(texts) > 1]
            if not sets and kind == 1 and not pairs:
                continue
            if len(usable) < held_out + 2:
                where = ", ".join((groups, pairs or groups)[kind])
                raise InputError(
                    f"{where}: {len(usable)} usable sets are too few to hold out {held_out}; "
                    "lower data.held_out or give more text"
                )
            # Whatever the seed: a run that goes on from another is not validated on what that one learned.
            order = np.random.default_rng((0, 2, kind)).permutation(len(usable))
            shuffled = [usable[i] for i in order]
            self.training.append(PairSource(shuffled[held_out:], seed * 2 + kind))
            if held_out:
                self.held_out.append(PairSource(shuffled[:held_out], seed * 2 + kind))

    @property
    def sizes(self) -> list[int]:
        """Numbers of training sets: questions, general sentences."""
        return [len(source.sets) for source in self.training]

    def pairs(self, start: int, count: int) -> list[SentencePair]:
        """Training pairs ``start`` to ``start + count`` of the endless stream."""
        kinds = len(self.training)
        return [self.training[k % kinds].pair(k // kinds) for k in range(start, start + count)]

    def validation_pairs(self) -> list[list[SentencePair]]:
        """One pair of each held-out set, always the same: those of questions, then of general sentences."""
        return [[source.pair(i) for i in range(len(source.sets))] for source in self.held_out]


def _shortened(texts: Sequence[str], maxlen: int) -> tuple[str, ...]:
    """Distinct first pieces of at most about 1.2 x maxlen characters, empty ones dropped."""
    pieces = (cut_to_length(text, maxlen)[0] for text in texts if text.strip())
    return tuple(dict.fromkeys(piece for piece in pieces if piece.strip()))
