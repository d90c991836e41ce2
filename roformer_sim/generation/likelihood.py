"""How likely a model of ours finds one sentence given another: the log-probability that sampling follows.

Of a variant given its source it is the perplexity that is measured; of the source given a variant it ranks.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from corpus_builder.errors import InputError
from roformer_sim.models import Backbone
from roformer_sim.text import Tokenizer
from roformer_sim.text.encoding import Encoding

Track = Callable[[Sequence[Any], str], Iterable[Any]]
"""Yields the items one by one and may show how far it is; the string says with what."""

LENGTH_STEP = 16
"""Widths are rounded up to a multiple of this, so that few shapes are compiled."""


class Likelihood(NamedTuple):
    """Of one variant given its source: the sum over its tokens, in nats, and their number with [SEP]."""

    log_probability: float
    tokens: int

    @property
    def per_token(self) -> float:
        """Mean negative log-probability of a token, nats; its exponential is the perplexity."""
        return -self.log_probability / self.tokens


class TargetLikelihood(keras.Model):
    """Log-probability of each row's target tokens, (batch,) float32, from one UniLM pass."""

    def __init__(self, backbone: Backbone, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.backbone = backbone
        self.built = True

    def call(self, inputs: dict[str, Any], training: bool | None = None) -> Any:
        states = self.backbone(inputs["token_ids"], inputs["segment_ids"], pattern="unilm", training=False)
        # The vocabulary product is made where a target is predicted, not at the source's tokens.
        before = ops.take_along_axis(states.last, inputs["places"][:, :, None], axis=1)
        scores = ops.log_softmax(self.backbone.lm_logits(before), axis=-1)
        chosen = ops.take_along_axis(scores, inputs["targets"][:, :, None], axis=-1)[:, :, 0]
        return ops.sum(chosen * inputs["weights"], axis=1)


def target_likelihoods(
    backbone: Backbone,
    tokenizer: Tokenizer,
    sources: Sequence[str],
    variants: Sequence[str],
    *,
    batch_size: int = 32,
    maxlen: int = 64,
    track: Track | None = None,
) -> list[Likelihood]:
    """Log-probability of ``variants[i]`` given ``sources[i]``: what sampling it token by token would have.

        log p(variant | source) = sum_t log softmax(z_t)[y_t]

    with ``z_t`` the scores behind ``[CLS] source [SEP] y_1 .. y_(t-1)`` under the UniLM mask, and the closing
    [SEP] as last ``y_t``. No temperature, no truncation, no banned token. Equal pairs are computed once;
    batches hold rows of similar length.

    Args:
        sources, variants: n of each. A character outside the vocabulary is scored as [UNK].
        batch_size: Rows a batch; changes the time only.
        maxlen: Most tokens of each of the two; longer pairs are cut to twice that with a warning.
        track: Shows how far it is.

    Returns:
        One :class:`Likelihood` a pair, in order.

    Raises:
        InputError: Lists of different lengths, ``batch_size`` below 1, more tokens than a BERT network has
            positions.

    Example:
        >>> target_likelihoods(model.backbone, model.tokenizer, ["怎么开通花呗"],
        ...                    ["花呗如何开通"])[0].per_token  # doctest: +SKIP
        0.7

    Reference:
        Dong et al., UniLM, arXiv:1905.03197.
    """
    if len(sources) != len(variants):
        raise InputError(f"a variant for each source: {len(sources)} sources, {len(variants)} variants")
    if batch_size < 1:
        raise InputError(f"batch_size must be at least 1, not {batch_size}")
    if not sources:
        return []
    pairs = list(dict.fromkeys(zip(sources, variants, strict=True)))
    encodings = tokenizer.encode_batch([a for a, _ in pairs], [b for _, b in pairs], maxlen=2 * maxlen)
    cut = sum(encoding.truncated for encoding in encodings)
    if cut:
        warnings.warn(f"{cut} of {len(pairs)} pairs cut to {2 * maxlen} tokens", stacklevel=2)
    backbone.check_length(max(map(len, encodings)))
    forward = _forward_of(TargetLikelihood(backbone))
    found: dict[tuple[str, str], Likelihood] = {}
    order = np.argsort([-len(encoding) for encoding in encodings], kind="stable")
    batches = [order[start : start + batch_size].tolist() for start in range(0, len(order), batch_size)]
    for rows in batches if track is None else track(batches, "perplexity"):
        batch = _batch([encodings[row] for row in rows], tokenizer, backbone)
        values = np.asarray(forward(batch), np.float64)
        tokens = batch["weights"].sum(axis=1).astype(int)
        for row, value, count in zip(rows, values.tolist(), tokens.tolist(), strict=True):
            found[pairs[row]] = Likelihood(value, count)
    return [found[pair] for pair in zip(sources, variants, strict=True)]


def _forward_of(head: TargetLikelihood) -> Callable[[dict[str, np.ndarray]], Any]:
    if keras.backend.backend() == "jax":
        from roformer_sim.retrieval.engines.forward_jax import forward_of

        return forward_of(head)
    return head.predict_on_batch


def _batch(encodings: list[Encoding], tokenizer: Tokenizer, backbone: Backbone) -> dict[str, np.ndarray]:
    """Rows padded on the right; ``places[i, t]`` is the token behind which target ``t`` is predicted."""
    width = _rounded(max(map(len, encodings)))
    if backbone.config.model_type == "bert":
        width = min(width, backbone.config.max_position_embeddings)
    token_ids, segment_ids = tokenizer.pad(encodings, length=width)
    lengths = segment_ids.sum(axis=1)
    targets_wide = _rounded(int(lengths.max()))
    first = segment_ids.argmax(axis=1)
    column = np.arange(targets_wide)
    weights = column < lengths[:, None]
    places = np.where(weights, first[:, None] + column - 1, 0).astype(np.int32)
    targets = np.where(weights, np.take_along_axis(token_ids, places + 1, axis=1), 0)
    return {
        "token_ids": token_ids,
        "segment_ids": segment_ids,
        "places": places,
        "targets": targets.astype(np.int32),
        "weights": weights.astype(np.float32),
    }


def _rounded(length: int) -> int:
    return -(-length // LENGTH_STEP) * LENGTH_STEP
