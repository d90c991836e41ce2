"""Which two sentences stand in row k: an endless, seeded, 1:1 stream of pairs."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np

from corpus_builder.readers import find_inputs, read_groups, read_pairs
from corpus_builder.sentences import training_sentences
from roformer_sim.training.drawing import Cutter, place_in_pass, split_off

SINGLE = "groups and pairs without two different sentences left out"


class SentencePair(NamedTuple):
    """Two sentences that mean the same, and the group they were drawn from; or two that stand alone."""

    a: str
    b: str
    group: Hashable | None = None
    alike: bool = True


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


@dataclass(frozen=True)
class SentenceSource:
    """Sentences that stand alone, two an item.

    Args:
        sentences: Two or more.
        seed: Decides the order of every pass.
    """

    sentences: Sequence[str]
    seed: int

    def pair(self, index: int) -> SentencePair:
        """The ``index``-th item of an endless stream; each pass takes all sentences in a new order."""
        first, second = (
            self.sentences[place_in_pass(len(self.sentences), self.seed, place)]
            for place in (2 * index, 2 * index + 1)
        )
        return SentencePair(first, second, alike=False)


class PairStream:
    """Questions and general sentences in turn, 1:1, whatever the sizes of the two corpora.

    Where there are ``sentences``, items of two of them, which stand alone, are spread among the pairs.

    Args:
        groups: Files and folders of question groups, or what ``corpus-builder mix`` made: groups of both
            kinds.
        pairs: Files and folders of answer and document pairs; without any general sentences, all are
            questions.
        maxlen: Texts far longer than this are cut at sentence marks and their first piece is taken.
        held_out: Sets of each kind kept for validation, the same for every seed.
        seed: Decides every draw.
        exclude: Files whose texts are left out of their sets.
        sentences: Files and folders of any text, cut to sentences; each distinct one counts once.
        sentence_share: Of the items.

    Raises:
        InputError: An unreadable file (file and line named), or too few sets.
    """

    def __init__(
        self,
        groups: Sequence[str],
        pairs: Sequence[str],
        *,
        sentences: Sequence[str] = (),
        sentence_share: float = 0.5,
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
        self._alone: SentenceSource | None = None
        self._held_out_alone: list[str] = []
        self._share = sentence_share if sentences else 0.0
        if sentences:
            found = training_sentences(find_inputs(sentences), keep=cut.keeps)
            distinct = list(dict.fromkeys(piece for text in found for piece in cut(text)))
            kept_alone, self._held_out_alone = split_off(distinct, held_out, 2, ", ".join(sentences))
            self._alone = SentenceSource(kept_alone, seed * 2 + 5)

    @property
    def sizes(self) -> list[int]:
        """Numbers of training sets: questions, general sentences; of sentences that stand alone."""
        alone = [] if self._alone is None else [len(self._alone.sentences)]
        return [len(source.sets) for source in self.training] + alone

    def draw(self, start: int, count: int) -> list[SentencePair]:
        """Training items ``start`` to ``start + count`` of the endless stream."""
        return [self._item(k) for k in range(start, start + count)]

    def _item(self, k: int) -> SentencePair:
        before, kinds = int(k * self._share), len(self.training)
        if self._alone is not None and int((k + 1) * self._share) > before:
            return self._alone.pair(before)
        k -= before
        return self.training[k % kinds].pair(k // kinds)

    def texts(self) -> Iterator[str]:
        """Every sentence of the sets, held-out ones too."""
        sets = (texts for source in (*self.training, *self.held_out) for texts in source.sets)
        alone = () if self._alone is None else self._alone.sentences
        return chain(chain.from_iterable(sets), alone, self._held_out_alone)

    def held_out_items(self) -> list[list[SentencePair]]:
        """One pair of each held-out set, the same for one seed, of questions, then of general sentences; then
        sentences that stand alone."""
        found = [[source.pair(i) for i in range(len(source.sets))] for source in self.held_out]
        if self._held_out_alone:
            alone = zip(self._held_out_alone[::2], self._held_out_alone[1::2], strict=False)
            found.append([SentencePair(a, b, alike=False) for a, b in alone])
        return found
