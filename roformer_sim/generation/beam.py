"""Beam search and diverse beam search: the likeliest sentences instead of drawn ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.generation.decoding import Source, Target
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
    engine: Engine, sources: Sequence[Source], rule: SamplingRule, search: BeamSearch, *, maxlen: int = 64
) -> list[list[Target]]:
    """The ``n`` best sentences of each source that the search found, best first.

    A group ends when it has as many finished sentences as beams and no unfinished one can still be better, or
    at ``maxlen``; what is unfinished then counts as it is.

    Args:
        rule: Its end and banned tokens; the rest is for sampling.
        maxlen: Most tokens of a target, the end included.

    Raises:
        InputError: ``n`` above the number of beams, or a network has too few positions.
    """
    results = []
    for source in sources:
        if source.n > search.beams:
            raise InputError(f"n is {source.n}, but {search.beams} beams give no more sentences than beams")
        engine.config.check_length(len(source.token_ids) + maxlen - 1)
        results.append(_Search(engine, source, rule, search, maxlen).run()[: source.n])
    return results


@dataclass
class _Group:
    """The beams of one group: tokens so far, their log-probabilities, and what was finished."""

    tokens: list[list[int]]
    logs: np.ndarray
    finished: list[Target] = field(default_factory=list)
    over: bool = False


class _Search:
    def __init__(
        self, engine: Engine, source: Source, rule: SamplingRule, search: BeamSearch, maxlen: int
    ) -> None:
        self.engine, self.source, self.rule, self.search, self.maxlen = engine, source, rule, search, maxlen
        self.size = search.beams // search.groups
        # At first all beams of a group are alike: one of them counts.
        logs = np.full(self.size, -np.inf)
        logs[0] = 0.0
        self.groups = [_Group([[]] * self.size, logs) for _ in range(search.groups)]

    def run(self) -> list[Target]:
        decoding, first = self.engine.begin([self.source.token_ids], [self.search.beams])
        scores = np.repeat(first, self.search.beams, axis=0)
        for length in range(1, self.maxlen + 1):
            parents = self._step(self._log_probabilities(scores), length)
            if all(group.over for group in self.groups) or length == self.maxlen:
                break
            decoding.select(np.array(parents))
            newest = [tokens[-1] for group in self.groups for tokens in group.tokens]
            scores = decoding.step(np.array(newest, np.int32))
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

    def _step(self, logs: np.ndarray, length: int) -> list[int]:
        """Extend every group; the row that each new beam goes on from."""
        chosen = np.zeros(logs.shape[1])
        parents = []
        for number, group in enumerate(self.groups):
            first = number * self.size
            rows = list(range(first, first + self.size))
            if not group.over:
                kept = self._extend(group, logs[rows], chosen * self.search.group_penalty, length)
                rows = [first + row for row in kept]
                for tokens in group.tokens:
                    chosen[tokens[-1]] += 1
            parents += rows
        return parents

    def _extend(self, group: _Group, logs: np.ndarray, penalty: np.ndarray, length: int) -> list[int]:
        totals = group.logs[:, None] + logs
        ranked = (totals - penalty).ravel()
        # Twice as many as beams: even if all of them were ends in turn, beams would be left.
        best = np.argsort(-ranked, kind="stable")[: 2 * self.size]
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
