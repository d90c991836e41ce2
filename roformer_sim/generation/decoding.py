"""Many sentences of many sources decoded together, whatever runs the network."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.generation.constraints import Constraint
from roformer_sim.generation.engines import (
    CompiledDecoding,
    Decoding,
    Engine,
    GrowingDecoding,
    SamplingRule,
)
from roformer_sim.generation.sampling import draw_tokens

ROWS_AT_ONCE = 160
"""Rows decoded together: products of matrices gain little beyond, memory grows with them."""

WORTH_COMPACTING = 0.9
"""Rows that ended are taken out once fewer than this share of them is going on."""

WORTH_TAKING_IN = 0.125
"""Other sources are taken in once this share of the rows is free."""


class Target(NamedTuple):
    """A generated sentence.

    Attributes:
        token_ids: Without the end.
        log_probability: Sum over its tokens, the end included where there is one, of their natural
            log-probability by the network's own scores, whatever sampling did to them.
        ended: Whether it ended by itself, and not for its length.
    """

    token_ids: list[int]
    log_probability: float
    ended: bool


class Source(NamedTuple):
    """A sentence to be continued.

    Attributes:
        token_ids: Up to and with [SEP].
        n: Targets wanted.
        seed: Decides its targets, whatever else is decoded with it.
        constraints: Of its targets.
    """

    token_ids: Sequence[int]
    n: int
    seed: int | None = None
    constraints: tuple[Constraint, ...] = ()


def sample_targets(
    engine: Engine,
    sources: Sequence[Source],
    rule: SamplingRule,
    *,
    maxlen: int = 64,
    rows_at_once: int = ROWS_AT_ONCE,
    on_rows: Callable[[int], None] | None = None,
) -> list[list[Target]]:
    """Draw the targets of every source.

    At most ``rows_at_once`` rows are decoded together; a source with more is divided. Each step feeds the
    newest token of the rows that are not finished. Engines that can take in other sources while they go on do
    so as soon as an eighth of the rows is free; others decode sources of similar length to their end.

    Args:
        maxlen: Most tokens of a target, the end included.
        on_rows: Called with the number of rows that are finished, each time some are.

    Returns:
        For each source its ``n`` targets, in the order of their rows.

    Raises:
        InputError: ``maxlen`` below 1, or a network has too few positions for source and target.
    """
    if maxlen < 1:
        raise InputError(f"maxlen must be at least 1, not {maxlen}")
    for source in sources:
        engine.config.check_length(len(source.token_ids) + maxlen - 1)  # what the last token is drawn from
    return _Run(engine, sources, rule, maxlen, rows_at_once).decode(on_rows or (lambda rows: None))


class _Part(NamedTuple):
    """Rows ``first`` to ``first + rows`` of all, which are of one source."""

    source: int
    first: int
    rows: int


def _parts(sources: Sequence[Source], rows_at_once: int) -> deque[_Part]:
    """All rows by sources, those of similar length together, none of more rows than are decoded at once."""
    firsts = np.cumsum([0, *(source.n for source in sources)])
    order = sorted(range(len(sources)), key=lambda index: len(sources[index].token_ids))
    return deque(
        _Part(index, int(firsts[index]) + done, min(rows_at_once, sources[index].n - done))
        for index in order
        for done in range(0, sources[index].n, rows_at_once)
    )


class _Run:
    """All rows wanted: what they have become so far, and which of them the engine holds just now."""

    def __init__(
        self,
        engine: Engine,
        sources: Sequence[Source],
        rule: SamplingRule,
        maxlen: int,
        rows_at_once: int,
    ) -> None:
        self.engine, self.sources, self.rule = engine, sources, rule
        self.maxlen, self.rows_at_once = maxlen, rows_at_once
        counts = [source.n for source in sources]
        self.of_row = np.repeat(np.arange(len(sources)), counts)
        shape = (len(self.of_row), maxlen)
        self.uniforms = np.empty(shape, np.float32)
        for source, uniforms in zip(sources, np.split(self.uniforms, np.cumsum(counts)[:-1]), strict=True):
            np.random.default_rng(source.seed).random(dtype=np.float32, out=uniforms)
        self.tokens = np.full(shape, rule.end_id, np.int32)
        self.lengths = np.zeros(shape[0], np.int64)
        self.log_probabilities = np.zeros(shape[0])
        self.ended = np.zeros(shape[0], bool)
        self.constrained = any(source.constraints for source in sources)
        self.waiting = _parts(sources, rows_at_once)
        self.decoding: Decoding | None = None
        self.held, self.newest = np.empty(0, np.int64), np.empty(0, np.int32)

    def decode(self, on_rows: Callable[[int], None]) -> list[list[Target]]:
        """Go on until all rows ended or are full."""
        while self.waiting or len(self.held):
            self._take_in()
            if isinstance(self.decoding, CompiledDecoding) and not self.constrained:
                self._take(self.held, *self.decoding.run(self.newest, self._left(), self.rule))
            elif self._going.any():
                assert self.decoding is not None
                self.newest = self._draw(self.held, self.decoding.step(self.newest))
            self._let_go(on_rows)
        targets = [
            Target(self.tokens[row, :length].tolist(), float(log), bool(ended))
            for row, (length, log, ended) in enumerate(
                zip(self.lengths, self.log_probabilities, self.ended, strict=True)
            )
        ]
        ends = np.cumsum([source.n for source in self.sources])
        return [targets[end - source.n : end] for source, end in zip(self.sources, ends, strict=True)]

    @property
    def _going(self) -> np.ndarray:
        return ~self.ended[self.held] & (self.lengths[self.held] < self.maxlen)

    def _left(self) -> np.ndarray:
        """Random numbers of the tokens after the first; all rows have one."""
        return self.uniforms[self.held, 1:]

    def _take_in(self) -> None:
        """Begin what is waiting, as far as there is room for it."""
        free = self.rows_at_once - len(self.held)
        if len(self.held):
            worth = min(WORTH_TAKING_IN * self.rows_at_once, sum(part.rows for part in self.waiting))
            if not isinstance(self.decoding, GrowingDecoding) or free < worth:
                return
        parts: list[_Part] = []
        while self.waiting and self.waiting[0].rows <= free:
            parts.append(self.waiting.popleft())
            free -= parts[-1].rows
        if not parts:
            return
        ids = [self.sources[part.source].token_ids for part in parts]
        rows = [part.rows for part in parts]
        if isinstance(self.decoding, GrowingDecoding):
            scores = self.decoding.extend(ids, rows)
        else:
            self.decoding, scores = self.engine.begin(ids, rows)
        new = np.concatenate([np.arange(part.first, part.first + part.rows) for part in parts])
        first = self._draw(new, scores[np.repeat(np.arange(len(parts)), rows)])
        self.held, self.newest = np.concatenate([self.held, new]), np.concatenate([self.newest, first])

    def _let_go(self, on_rows: Callable[[int], None]) -> None:
        """Take rows that are finished out of the decoding, where that is worth it."""
        going = self._going
        done = len(going) - int(going.sum())
        if done == len(going) and not isinstance(self.decoding, GrowingDecoding):
            self.decoding, self.held, self.newest = None, self.held[:0], self.newest[:0]
        elif going.mean() < WORTH_COMPACTING:
            assert self.decoding is not None
            kept = np.flatnonzero(going)
            self.decoding.select(kept)
            self.held, self.newest = self.held[kept], self.newest[kept]
        else:
            return
        on_rows(done)

    def _draw(self, rows: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """Draw and write down the next token of these rows."""
        positions = np.minimum(self.lengths[rows], self.maxlen - 1)
        if self.constrained:
            for place in np.flatnonzero(~self.ended[rows]):
                row = rows[place]
                for constraint in self.sources[self.of_row[row]].constraints:
                    constraint(self.tokens[row, : positions[place]], scores[place])
        drawn = draw_tokens(scores, self.uniforms[rows, positions], self.rule, self.engine.spread)
        self._take(rows, drawn.tokens[:, None], drawn.log_probabilities[:, None])
        return drawn.tokens.astype(np.int32)

    def _take(self, rows: np.ndarray, tokens: np.ndarray, log_probabilities: np.ndarray) -> None:
        """Write down the next tokens (rows, steps) of the rows that are going on."""
        for tokens_of_step, logs in zip(tokens.T, log_probabilities.T, strict=True):
            going = ~self.ended[rows] & (self.lengths[rows] < self.maxlen)
            these, new = rows[going], tokens_of_step[going]
            self.log_probabilities[these] += logs[going]
            ends = new == self.rule.end_id
            self.ended[these[ends]] = True
            these, new = these[~ends], new[~ends]
            self.tokens[these, self.lengths[these]] = new
            self.lengths[these] += 1
