"""Beam search and diverse beam search: the likeliest sentences instead of drawn ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.generation.decoding import ROWS_AT_ONCE, Source, Target
from roformer_sim.generation.engines import Engine, SamplingRule


@dataclass(frozen=True)
class BeamSearch:
    """How beams are kept.

    Attributes:
        beams: Unfinished sentences kept at each step.
        groups: The beams are divided into so many groups, chosen one after another, and a token that
            earlier groups chose at the same step costs a later one ``group_penalty`` for each time: diverse
            beam search (Vijayakumar et al., arXiv:1610.02424) with its Hamming term. 1 is plain beam search.
        group_penalty: Natural logarithms.
        length_penalty: Finished sentences are ranked by log-probability divided by length to this power,
            the end counted (Wu et al., arXiv:1609.08144, without its constant); 0 ranks by probability.

    Raises:
        InputError: A value out of range, or beams that groups do not divide.
    """

    beams: int
    groups: int = 1
    group_penalty: float = 0.5
    length_penalty: float = 1.0

    def __post_init__(self) -> None:
        if self.beams < 1:
            raise InputError(f"beams must be at least 1, not {self.beams}")
        if self.groups < 1 or self.beams % self.groups:
            raise InputError(f"{self.beams} beams cannot be divided into {self.groups} groups")
        if not self.group_penalty >= 0:
            raise InputError(f"group_penalty must be 0 or more, not {self.group_penalty}")
        if not 0 <= self.length_penalty < np.inf:
            raise InputError(f"length_penalty must be 0 or more, not {self.length_penalty}")


def search_targets(
    engine: Engine,
    sources: Sequence[Source],
    rule: SamplingRule,
    search: BeamSearch,
    *,
    maxlen: int = 64,
    rows_at_once: int = ROWS_AT_ONCE,
) -> list[list[Target]]:
    """The ``n`` best sentences of each source that the search found, best first.

    A group ends when it has as many finished sentences as beams and no unfinished one can still be better, or
    at ``maxlen``; what is unfinished then counts as it is. Sources of similar length are decoded together and
    leave when their groups have ended; none knows of the others.

    Args:
        rule: Its end and banned tokens; the rest is for sampling.
        maxlen: Most tokens of a target, the end included.
        rows_at_once: Beams decoded together, at least one source's.

    Raises:
        InputError: ``n`` above the number of beams, or a network has too few positions.
    """
    for source in sources:
        if source.n > search.beams:
            raise InputError(f"n is {source.n}, but {search.beams} beams give no more sentences than beams")
        engine.config.check_length(len(source.token_ids) + maxlen - 1)
    searches = [_Search(source, rule, search, maxlen) for source in sources]
    by_length = sorted(searches, key=lambda one: len(one.source.token_ids))
    together = max(1, rows_at_once // search.beams)
    for first in range(0, len(searches), together):
        _run(engine, by_length[first : first + together], search.beams, maxlen)
    return [one.found()[: one.source.n] for one in searches]


def _run(engine: Engine, going: list[_Search], beams: int, maxlen: int) -> None:
    """Extend all beams of some sources to their ends."""
    decoding, first = engine.begin([one.source.token_ids for one in going], [beams] * len(going))
    scores = np.repeat(first, beams, axis=0)
    for length in range(1, maxlen + 1):
        parents = [
            place * beams + np.array(one.extend(scores[place * beams : (place + 1) * beams]))
            for place, one in enumerate(going)
        ]
        left = [place for place, one in enumerate(going) if not one.over]
        if not left or length == maxlen:
            return
        decoding.select(np.concatenate([parents[place] for place in left]))
        going = [going[place] for place in left]
        scores = decoding.step(np.concatenate([one.newest for one in going]))


@dataclass
class _Group:
    """The beams of one group: tokens so far, their log-probabilities, and what was finished."""

    tokens: list[list[int]]
    logs: np.ndarray
    finished: list[Target] = field(default_factory=list)
    over: bool = False


class _Search:
    """The beams of one source, one group's after another's."""

    def __init__(self, source: Source, rule: SamplingRule, search: BeamSearch, maxlen: int) -> None:
        self.source, self.rule, self.search, self.maxlen = source, rule, search, maxlen
        self.size = search.beams // search.groups
        # At first all beams of a group are alike: one of them counts.
        logs = np.full(self.size, -np.inf)
        logs[0] = 0.0
        self.groups = [_Group([[]] * self.size, logs) for _ in range(search.groups)]

    @property
    def over(self) -> bool:
        """Whether all groups have ended."""
        return all(group.over for group in self.groups)

    @property
    def newest(self) -> np.ndarray:
        """The last token of each beam, (beams,) int32."""
        return np.array([tokens[-1] for group in self.groups for tokens in group.tokens], np.int32)

    def found(self) -> list[Target]:
        """Finished sentences, and unfinished ones of groups that have not ended, best first."""
        for group in self.groups:
            if not group.over:
                group.finished += [
                    Target(tokens, float(log), False)
                    for tokens, log in zip(group.tokens, group.logs, strict=True)
                    if np.isfinite(log)
                ]
        found = {tuple(one.token_ids): one for group in self.groups for one in group.finished}
        return sorted(found.values(), key=self._rank, reverse=True)

    def _rank(self, target: Target) -> float:
        return self._normalised(target.log_probability, len(target.token_ids) + target.ended)

    def _normalised(self, log: float, length: int) -> float:
        return log / max(length, 1) ** self.search.length_penalty

    def _log_probabilities(self, scores: np.ndarray) -> np.ndarray:
        """(beams, vocabulary) float64, by the network's own scores; minus infinity for what is put out."""
        logs = scores.astype(np.float64)
        logs -= logs.max(axis=1, keepdims=True)
        logs -= np.log(np.exp(logs).sum(axis=1, keepdims=True))
        logs[:, list(self.rule.banned_ids)] = -np.inf
        for tokens, row in zip((t for group in self.groups for t in group.tokens), logs, strict=True):
            for constraint in self.source.constraints:
                constraint(np.array(tokens, np.int32), row)
        return logs

    def extend(self, scores: np.ndarray) -> list[int]:
        """Extend every group by a token; the row that each new beam goes on from.

        Args:
            scores: (beams, vocabulary) of the token after each.
        """
        logs = self._log_probabilities(scores)
        chosen = np.zeros(logs.shape[1])
        parents = []
        for number, group in enumerate(self.groups):
            first = number * self.size
            rows = list(range(first, first + self.size))
            if not group.over:
                kept = self._extend(group, logs[rows], chosen * self.search.group_penalty)
                rows = [first + row for row in kept]
                for tokens in group.tokens:
                    chosen[tokens[-1]] += 1
            parents += rows
        return parents

    def _extend(self, group: _Group, logs: np.ndarray, penalty: np.ndarray) -> list[int]:
        totals = group.logs[:, None] + logs
        ranked = (totals - penalty).ravel()
        # Twice as many as beams: even if all of them were ends in turn, beams would be left.
        best = _largest(ranked, 2 * self.size)
        kept: list[tuple[int, int]] = []
        for place in best[np.isfinite(ranked[best])]:
            row, token = divmod(int(place), logs.shape[1])
            if token == self.rule.end_id:
                group.finished.append(Target(group.tokens[row], float(totals[row, token]), True))
            elif len(kept) < self.size:
                kept.append((row, token))
        group.finished.sort(key=self._rank, reverse=True)
        del group.finished[self.size :]
        if not kept:
            group.over = True
            return list(range(self.size))
        # Fewer continuations than beams: the last one stands in, with no probability of its own.
        filled = kept + [kept[-1]] * (self.size - len(kept))
        group.logs = np.array([totals[row, token] for row, token in filled])
        group.logs[len(kept) :] = -np.inf
        group.tokens = [[*group.tokens[row], token] for row, token in filled]
        # Log-probabilities only fall, and a longer sentence divides them by more.
        reachable = self._normalised(float(group.logs.max()), self.maxlen)
        full = len(group.finished) == self.size
        group.over = full and self._rank(group.finished[-1]) >= reachable
        return [row for row, _ in filled]


def _largest(values: np.ndarray, count: int) -> np.ndarray:
    """Where the ``count`` largest stand, largest first, of equal ones the first first."""
    if count >= len(values):
        return np.argsort(-values, kind="stable")
    least = np.partition(values, len(values) - count)[len(values) - count]
    places = np.flatnonzero(values >= least)
    return places[np.argsort(-values[places], kind="stable")][:count]
