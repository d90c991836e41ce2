"""Fitting a reduced network to its original on texts, block after block, by least squares."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from roformer_sim.checkpoints.reduction.forward import Forward, normalised
from roformer_sim.checkpoints.reduction.narrow import Bases

RIDGE = 3e-2
"""Weight of staying at the projected matrix, relative to the mean square of what the matrix reads."""


class States:
    """The hidden states of the original network on texts, padded.

    Attributes:
        token_ids: (rows, length).
        mask: bool (rows, length), where there is a token.
        embedded: Normalised embeddings.
        into: What each block reads; one more, the last block's output.
        between: What each block's feed-forward half reads, the output of its first LayerNorm.
    """

    def __init__(self, network: Forward, token_ids: np.ndarray) -> None:
        config = network.config
        self.token_ids, self.mask = token_ids, token_ids != config.pad_token_id
        self.embedded = network.norm("embedding_norm", network.embedded(token_ids))
        x = network.mapped(self.embedded)
        self.into, self.between = [x], []
        for i in range(config.num_hidden_layers):
            name = f"block_{i}"
            attended = network.dense(f"{name}/attention/output", network.context(name, x, self.mask))
            middle = network.norm(f"{name}/attention_norm", x + attended)
            written = network.dense(f"{name}/output", network.inner(name, middle))
            x = network.norm(f"{name}/output_norm", middle + written)
            self.between.append(middle)
            self.into.append(x)

    def of_tokens(self, x: np.ndarray) -> np.ndarray:
        """(tokens, width): padding left out."""
        return np.asarray(x[self.mask], np.float64)


def fit_to(states: States, layers: Sequence[int], reduced: Forward, bases: Bases) -> None:
    """Change the output matrices and LayerNorms of ``reduced`` so that its states are the projected ones.

    Block ``i`` is to give what the next block that was kept reads (the last one: the original's output), so
    that it does something of the blocks left out. Each matrix that writes the stream is fitted by ridge
    regression around its projected value, each LayerNorm's gain and bias by a line for each coordinate. What
    was fitted before is used as it is: later blocks see the errors of earlier ones.
    """
    weights = reduced.weights
    assert isinstance(weights, dict)
    x = _fit_norm(
        states,
        reduced,
        "embedding_norm",
        reduced.embedded(states.token_ids),
        states.embedded @ bases.embedding,
    )
    x = reduced.mapped(x)
    for i, layer in enumerate(layers):
        name = f"block_{i}"
        target = states.between[layer] @ bases.stream
        context = reduced.context(name, x, states.mask)
        x = _fit_half(
            states, reduced, f"{name}/attention/output", f"{name}/attention_norm", x, context, target
        )
        following = layers[i + 1] if i + 1 < len(layers) else len(states.into) - 1
        target = states.into[following] @ bases.stream
        x = _fit_half(
            states, reduced, f"{name}/output", f"{name}/output_norm", x, reduced.inner(name, x), target
        )


def _fit_half(
    states: States,
    reduced: Forward,
    dense: str,
    norm: str,
    x: np.ndarray,
    read: np.ndarray,
    target: np.ndarray,
) -> np.ndarray:
    """One half of a block: the matrix that writes to the stream, then the LayerNorm behind it."""
    weights = reduced.weights
    assert isinstance(weights, dict)
    # What the sum must be for its LayerNorm to give the target; its mean and length, which the norm takes
    # off, are left as each token has them now.
    gain, bias = weights[f"{norm}/gamma"], weights[f"{norm}/beta"]
    projected = x + reduced.dense(dense, read)
    wanted = normalised((target - bias) / _away_from_zero(gain), 0.0)
    length = projected.std(axis=-1, keepdims=True)
    missing = states.of_tokens(wanted * length + projected.mean(axis=-1, keepdims=True) - projected)
    change, shift = _ridge(states.of_tokens(read), missing)
    weights[f"{dense}/kernel"] = np.asarray(weights[f"{dense}/kernel"] + change, np.float32)
    weights[f"{dense}/bias"] = np.asarray(weights[f"{dense}/bias"] + shift, np.float32)
    return _fit_norm(states, reduced, norm, x + reduced.dense(dense, read), target)


def _fit_norm(states: States, reduced: Forward, name: str, x: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Gain and bias that bring the normalised ``x`` nearest to ``target``, a line for each coordinate."""
    weights = reduced.weights
    assert isinstance(weights, dict)
    normal = states.of_tokens(normalised(x, reduced.config.layer_norm_eps or 0.0))
    wanted = states.of_tokens(target)
    mean, centre = normal.mean(axis=0), wanted.mean(axis=0)
    spread = np.square(normal - mean).sum(axis=0)
    gain = ((normal - mean) * (wanted - centre)).sum(axis=0) / np.maximum(spread, 1e-12)
    weights[f"{name}/gamma"] = gain.astype(np.float32)
    weights[f"{name}/beta"] = (centre - gain * mean).astype(np.float32)
    return reduced.norm(name, x)


def _ridge(read: np.ndarray, missing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``change, shift`` that make ``read @ change + shift`` nearest to ``missing``, ``change`` kept small."""
    mean, centre = read.mean(axis=0), missing.mean(axis=0)
    centred = read - mean
    moments = centred.T @ centred
    moments[np.diag_indices_from(moments)] += RIDGE * np.trace(moments) / len(moments) + 1e-9
    change = np.linalg.solve(moments, centred.T @ (missing - centre))
    return change, centre - mean @ change


def _away_from_zero(gain: np.ndarray) -> np.ndarray:
    smallest = 0.1 * np.abs(gain).mean()
    return np.where(np.abs(gain) < smallest, np.where(gain < 0, -smallest, smallest), gain)
