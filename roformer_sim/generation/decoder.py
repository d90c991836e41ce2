"""Sampling targets for one source sentence, with the keys and values of the past kept."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from keras import ops

from roformer_sim.generation.sampling import draw, next_token_probabilities
from roformer_sim.models import Backbone


def sample_targets(
    backbone: Backbone,
    source_ids: Sequence[int],
    n: int,
    *,
    end_id: int,
    banned_ids: Sequence[int] = (),
    top_k: int | None = None,
    top_p: float | None = 0.95,
    temperature: float = 1.0,
    maxlen: int = 64,
    rng: np.random.Generator,
) -> list[list[int]]:
    """Draw ``n`` target sentences after ``[CLS] source [SEP]``.

    The source is read once; each step feeds the newest token of the rows that are not finished.

    Args:
        source_ids: Token ids up to and with [SEP].
        end_id: [SEP]; ends a row and is not returned.
        banned_ids: Never drawn.
        maxlen: Most tokens of a target, the end included.
        rng: Decides everything: the same state gives the same rows.

    Returns:
        ``n`` lists of token ids in the order of their rows.

    Raises:
        InputError: A BERT network has too few positions for source and target.
    """
    backbone.check_length(len(source_ids) + maxlen - 1)  # what the last token is drawn from
    logits, cache = backbone.prefill(np.array([source_ids]))
    scores = np.repeat(ops.convert_to_numpy(logits), n, axis=0)
    cache = [tuple(ops.repeat(part, n, axis=0) for part in pair) for pair in cache]
    results: list[list[int]] = [[] for _ in range(n)]
    alive = np.arange(n)
    for step in range(maxlen):
        scores[:, list(banned_ids)] = -np.inf
        probabilities = next_token_probabilities(scores, temperature=temperature, top_k=top_k, top_p=top_p)
        tokens = draw(probabilities, rng)
        going = tokens != end_id
        for row, token in zip(alive[going], tokens[going], strict=True):
            results[row].append(int(token))
        alive, tokens = alive[going], tokens[going]
        if not len(alive) or step == maxlen - 1:
            break
        if not going.all():
            kept = np.flatnonzero(going).astype("int32")
            cache = [tuple(ops.take(part, kept, axis=0) for part in pair) for pair in cache]
        logits, cache = backbone.decode_step(tokens, len(source_ids) + step, cache)
        scores = np.array(ops.convert_to_numpy(logits))
    return results
