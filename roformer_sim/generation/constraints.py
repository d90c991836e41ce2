"""What a generated sentence must or must not be: scores of tokens that would break it are put out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Constraint = Callable[[np.ndarray, np.ndarray], None]
"""(tokens so far (length,), scores of the next one (vocabulary,)), which it writes -inf into."""


@dataclass(frozen=True)
class MinimumLength:
    """No end before ``tokens`` tokens."""

    tokens: int
    end_id: int

    def __call__(self, so_far: np.ndarray, scores: np.ndarray) -> None:
        if len(so_far) < self.tokens:
            scores[self.end_id] = -np.inf


@dataclass(frozen=True)
class BeginWith:
    """The first tokens are given."""

    token_ids: tuple[int, ...]

    def __call__(self, so_far: np.ndarray, scores: np.ndarray) -> None:
        if len(so_far) < len(self.token_ids):
            wanted = self.token_ids[len(so_far)]
            score = scores[wanted]
            scores[:] = -np.inf
            scores[wanted] = score


@dataclass(frozen=True)
class Without:
    """A sequence of tokens, such as a word, does not occur: its last token is put out after the others."""

    token_ids: tuple[int, ...]

    def __call__(self, so_far: np.ndarray, scores: np.ndarray) -> None:
        *before, last = self.token_ids
        if not before or so_far[-len(before) :].tolist() == before:
            scores[last] = -np.inf


@dataclass(frozen=True)
class NoRepeatedNgram:
    """No sequence of ``size`` tokens occurs twice (Paulus et al., arXiv:1705.04304)."""

    size: int

    def __call__(self, so_far: np.ndarray, scores: np.ndarray) -> None:
        before = self.size - 1
        if len(so_far) < self.size:
            return
        newest = so_far[len(so_far) - before :]
        starts = np.arange(len(so_far) - before)
        windows = so_far[starts[:, None] + np.arange(before)]
        scores[so_far[starts[(windows == newest).all(axis=1)] + before]] = -np.inf


def forbid(sequences: Sequence[Sequence[int]]) -> tuple[Constraint, ...]:
    """Constraints that keep each sequence of tokens out."""
    return tuple(Without(tuple(sequence)) for sequence in sequences)
