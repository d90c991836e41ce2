"""Which two sentences stand in row k: an endless, seeded, 1:1 stream of pairs."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from corpus_builder.readers import find_inputs, read_groups, read_pairs
from roformer_sim.training.drawing import Cutter, place_in_pass, split_off

SINGLE = "groups and pairs without two different sentences left out"


class SentencePair(NamedTuple):
    """Two sentences that mean the same, and the group they were drawn from."""

    a: str
    b: str
    group: Hashable | None = None


@dataclass(frozen=True)
class PairSource:
    """Sets of similar sentences, two or more texts each; any two of a set make a pair.

    Args:
        sets: Their texts.
        seed: Decides every draw.
        kind: Told apart in the pairs' ``group``: 0 questions, 1 general sentences.
    """

    sets: Sequence[tuple[str, ...]]
    seed: int
    kind: int = 0

    def pair(self, index: int) -> SentencePair:
        """The ``index``-th pair of an endless stream.

        Each pass over the sets takes them in a new random order; from a set, two different texts in
        random order, as SimBERT does.
        """
        place = place_in_pass(len(self.sets), self.seed, index)
        chosen = self.sets[place]
        rng = np.random.default_rng((self.seed, 1, index))
        first, second = rng.choice(len(chosen), size=2, replace=False)
        return SentencePair(chosen[first], chosen[second], (self.kind, place))


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
        exclude: Files whose texts are left out of their sets.

    Raises:
        InputError: An unreadable file (file and line named), or too few sets.
    """

    def __init__(
        self,
        groups: Sequence[str],
        pairs: Sequence[str],
        *,
        maxlen: int,
        held_out: int,
        seed: int,
        exclude: Sequence[str] = (),
    ) -> None:
        cut = Cutter(maxlen, exclude)
        question_sets: list[tuple[str, ...]] = []
        general_sets: list[tuple[str, ...]] = []
        for path in find_inputs(groups):
            for group in read_groups(path):
                sets = general_sets if group.kind == "general" else question_sets
                sets.append(tuple(dict.fromkeys(cut(*group.members))))
        for path in find_inputs(pairs) if pairs else []:
            general_sets += (tuple(dict.fromkeys(cut(pair.text_a, pair.text_b))) for pair in read_pairs(path))
        self.losses = cut.losses
        self.training: list[PairSource] = []
        self.held_out: list[PairSource] = []
        for kind, sets in enumerate((question_sets, general_sets)):
            if not sets and kind == 1 and not pairs:
                continue
            usable = [texts for texts in sets if len(texts) > 1]
            self.losses[SINGLE] += len(sets) - len(usable)
            where = ", ".join((groups, pairs or groups)[kind])
            kept, validation = split_off(usable, held_out, kind, where)
            self.training.append(PairSource(kept, seed * 2 + kind, kind))
            if validation:
                self.held_out.append(PairSource(validation, seed * 2 + kind, kind))

    @property
    def sizes(self) -> list[int]:
        """Numbers of training sets: questions, general sentences."""
        return [len(source.sets) for source in self.training]

    def draw(self, start: int, count: int) -> list[SentencePair]:
        """Training pairs ``start`` to ``start + count`` of the endless stream."""
        kinds = len(self.training)
        return [self.training[k % kinds].pair(k // kinds) for k in range(start, start + count)]

    def texts(self) -> Iterator[str]:
        """Every sentence of the sets, held-out ones too."""
        return (
            text for source in (*self.training, *self.held_out) for texts in source.sets for text in texts
        )

    def held_out_items(self) -> list[list[SentencePair]]:
        """One pair of each held-out set, the same for one seed: of questions, then of general sentences."""
        return [[source.pair(i) for i in range(len(source.sets))] for source in self.held_out]
