"""How the next token is drawn, as a value that an engine can be given."""

from __future__ import annotations

from typing import NamedTuple


class SamplingRule(NamedTuple):
    """From the scores of a step to a token.

    Scores of banned ids become minus infinity, scores are divided by the temperature and made probabilities.
    Top-k keeps the ``top_k`` most likely tokens (Fan et al., arXiv:1805.04833), then top-p the smallest set
    of most likely ones whose renormalised probability reaches ``top_p``, the crossing token included
    (Holtzman et al., arXiv:1904.09751); of equally likely tokens the lower id comes first. With ``u`` uniform
    in [0, 1), the token is the first id, in the order of the vocabulary, whose running sum of kept
    probabilities exceeds ``u`` times their total.
    """

    temperature: float = 1.0
    """Above 0."""
    top_k: int | None = None
    """At least 1."""
    top_p: float | None = None
    """In (0, 1]."""
    greedy: bool = False
    """The most likely token that is not banned; the numbers above and ``u`` play no part."""
    end_id: int = 102
    """Ends a row."""
    banned_ids: tuple[int, ...] = ()
    """Never drawn."""
