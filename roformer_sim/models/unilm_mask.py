"""The attention masks: one comparison makes a sentence encoder, a language model or both.

Keras is imported where it is used, so that ``roformer_sim.models`` loads without it.
"""

from __future__ import annotations

from typing import Any, Literal

AttentionPattern = Literal["unilm", "bidirectional"]

# Added to a score that must not count. Finite, so that a row of padding alone gives no NaN; in
# float32, where the scores are summed, it leaves exactly zero after the softmax.
MASKED = -1e9


def unilm_mask(segment_ids: Any) -> Any:
    """Which positions each position may attend to in UniLM (arXiv:1905.03197).

    With ``c`` the running sum of the segment ids, position ``i`` sees ``j`` when ``c[j] <= c[i]``:
    source tokens (segment 0) have ``c = 0`` and see the whole source; the t-th target token
    (segment 1) has ``c = t`` and sees the source and the targets up to itself.

    Args:
        segment_ids: (batch, length) integers, 0 for the source and 1 for the target.

    Returns:
        (batch, length, length) boolean, True where row ``i`` may look at column ``j``.
    """
    from keras import ops

    order = ops.cumsum(ops.cast(segment_ids, "int32"), axis=1)
    return order[:, None, :] <= order[:, :, None]


def attention_bias(token_mask: Any, segment_ids: Any, pattern: AttentionPattern) -> Any:
    """Scores to add before the softmax, float32 (batch, 1, length or 1, length).

    Args:
        token_mask: (batch, length) boolean, False at padding.
        segment_ids: (batch, length) integers; read only by the UniLM pattern.
        pattern: ``"unilm"`` or ``"bidirectional"`` (every token sees every token).
    """
    from keras import ops

    if pattern not in ("unilm", "bidirectional"):
        raise ValueError(f"attention pattern must be 'unilm' or 'bidirectional', not {pattern!r}")
    allowed = ops.cast(token_mask, "bool")[:, None, :]
    if pattern == "unilm":
        allowed = ops.logical_and(allowed, unilm_mask(segment_ids))
    return (1.0 - ops.cast(allowed, "float32"))[:, None] * MASKED
