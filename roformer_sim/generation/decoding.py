"""Many sentences of many sources decoded together, whatever runs the network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.generation.constraints import Constraint
from roformer_sim.generation.engines import CompiledDecoding, Engine, SamplingRule
from roformer_sim.generation.sampling import draw_tokens

ROWS_AT_ONCE = 256
"""Rows decoded together: products of matrices gain little beyond, memory grows with them."""

WORTH_COMPACTING = 0.9
"""Rows that ended are taken out once fewer than this share of them is going on."""


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

    Sources of similar length are decoded in one wave of at most ``rows_at_once`` rows; a source with
    more is divided. Each step feeds the newest token of the rows that are not finished.

    Args:
        maxlen: Most tokens of a target, the end included.
        on_rows: Called with the number of rows of each finished wave.

    Returns:
        For each source its ``n`` targets, in the order of their rows.

    Raises:
        InputError: ``maxlen`` below 1, or a network has too few positions for source and target.
    """
    if maxlen < 1:
        raise InputError(f"maxlen must be at least 1, not {maxlen}")
    for source in sources:
        engine.config.check_length(len(source.token_ids) + maxlen - 1)  # what the last token is drawn from
    results: list[list[Target]] = [[] for _ in sources]
    uniforms = [
        np.random.default_rng(source.seed).random((source.n, maxlen), np.float32) for source in sources
    ]
    for wave in _waves(sources, rows_at_once):
        rows = [uniforms[part.source][part.first : part.first + part.rows] for part in wave]
        chosen = [sources[part.source] for part in wave]
        decoded = _Wave(engine, chosen, np.concatenate(rows), [part.rows for part in wave], rule).decode()
        start = 0
        for part in wave:
            results[part.source] += decoded[start : start + part.rows]
            start += part.rows
        if on_rows is not None:
            on_rows(start)
    return results


class _Part(NamedTuple):
    source: int
    first: int
    rows: int


def _waves(sources: Sequence[Source], rows_at_once: int) -> list[list[_Part]]:
    """Parts of sources of similar length, at most ``rows_at_once`` rows together.

    The rows of one source come in order, so that its results are put together by appending.
    """
    waves: list[list[_Part]] = [[]]
    room = rows_at_once
    for index in sorted(range(len(sources)), key=lambda i: len(sources[i].token_ids)):
        first, left = 0, sources[index].n
        while left:
            # A source is not divided where it fits whole into a wave of its own.
            if room == 0 or (left > room and left <= rows_at_once):
                waves.append([])
                room = rows_at_once
            taken = min(left, room)
            waves[-1].append(_Part(index, first, taken))
            first, left, room = first + taken, left - taken, room - taken
    return [wave for wave in waves if wave]


class _Wave:
    """The rows of one wave: what they have become so far, and which of them the engine still holds."""

    def __init__(
        self,
        engine: Engine,
        sources: Sequence[Source],
        uniforms: np.ndarray,
        rows: Sequence[int],
        rule: SamplingRule,
    ) -> None:
        self.engine, self.rule, self.uniforms = engine, rule, uniforms
        self.count, self.maxlen = uniforms.shape
        self.tokens = np.full(uniforms.shape, rule.end_id, np.int32)
        self.lengths = np.zeros(self.count, np.int64)
        self.log_probabilities = np.zeros(self.count)
        self.ended = np.zeros(self.count, bool)
        self.held = np.arange(self.count)
        of_row = np.repeat(np.arange(len(sources)), rows).tolist()
        self.constraints = [sources[i].constraints for i in of_row]
        self.constrained = any(self.constraints)
        self.decoding, scores = engine.begin([source.token_ids for source in sources], rows)
        self.newest = self._draw(scores[of_row])

    def decode(self) -> list[Target]:
        """Go on until all rows ended or are full."""
        if isinstance(self.decoding, CompiledDecoding) and not self.constrained:
            self._take(*self.decoding.run(self.newest, self.uniforms[:, 1:], self.rule))
        else:
            while not self.ended.all() and self._position < self.maxlen:
                self._compact()
                self.newest = self._draw(self.decoding.step(self.newest))
        return [
            Target(self.tokens[i, : self.lengths[i]].tolist(), float(self.log_probabilities[i]), bool(end))
            for i, end in enumerate(self.ended)
        ]

    @property
    def _position(self) -> int:
        """Tokens of every row that is going on."""
        return int(self.lengths[self.held[~self.ended[self.held]]][0])

    def _compact(self) -> None:
        going = ~self.ended[self.held]
        if going.mean() < WORTH_COMPACTING:
            kept = np.flatnonzero(going)
            self.decoding.select(kept)
            self.held, self.newest = self.held[kept], self.newest[kept]

    def _draw(self, scores: np.ndarray) -> np.ndarray:
        going = ~self.ended[self.held]
        position = self._position
        if self.constrained:
            for place in np.flatnonzero(going):
                row = self.held[place]
                for constraint in self.constraints[row]:
                    constraint(self.tokens[row, :position], scores[place])
        drawn = draw_tokens(scores, self.uniforms[self.held, position], self.rule, self.engine.spread)
        self._take(drawn.tokens[:, None], drawn.log_probabilities[:, None])
        return drawn.tokens.astype(np.int32)

    def _take(self, tokens: np.ndarray, log_probabilities: np.ndarray) -> None:
        """Write down the next tokens (held rows, steps) of the rows that are going on."""
        for tokens_of_step, logs in zip(tokens.T, log_probabilities.T, strict=True):
            going = ~self.ended[self.held]
            rows, new = self.held[going], tokens_of_step[going]
            self.log_probabilities[rows] += logs[going]
            ends = new == self.rule.end_id
            self.ended[rows[ends]] = True
            rows, new = rows[~ends], new[~ends]
            self.tokens[rows, self.lengths[rows]] = new
            self.lengths[rows] += 1
