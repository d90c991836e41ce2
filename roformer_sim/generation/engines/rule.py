"""How the next token is chosen from its scores."""

from __future__ import annotations

import math
from dataclasses import dataclass

from corpus_builder.errors import InputError


@dataclass(frozen=True)
class SamplingRule:
    """Temperature, then top-k, then nucleus, then a draw; or the most likely token.

    Attributes:
        temperature: Scores are divided by it before the softmax.
        top_k: Keep the k most likely tokens (Fan et al., arXiv:1805.04833); ``None`` keeps all.
        top_p: Keep the smallest set of most likely tokens whose probability reaches p, the crossing
            token included (Holtzman et al., arXiv:1904.09751); ``None`` keeps all.
        greedy: Take the most likely token; the others have no effect.
        end_id: [SEP]; ends a row.
        banned_ids: Never chosen.

    Raises:
        InputError: ``temperature`` not positive or not finite, ``top_k`` below 1, ``top_p`` outside (0, 1].
    """

    end_id: int
    banned_ids: tuple[int, ...] = ()
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    greedy: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.temperature < math.inf:
            raise InputError(f"temperature must be a number above 0, not {self.temperature}")
        if self.top_k is not None and self.top_k < 1:
            raise InputError(f"top_k must be at least 1, not {self.top_k}")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise InputError(f"top_p must lie in (0, 1], not {self.top_p}")
