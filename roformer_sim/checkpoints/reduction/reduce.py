"""A smaller network that begins as what is most of a larger one, as a start for distillation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.checkpoints.preset import Preset
from roformer_sim.checkpoints.reduction.basis import stream_basis
from roformer_sim.checkpoints.reduction.fit import States, fit_to
from roformer_sim.checkpoints.reduction.forward import Forward
from roformer_sim.checkpoints.reduction.narrow import Bases, narrow_weights
from roformer_sim.checkpoints.reduction.sizes import chosen_layers, reduced_config
from roformer_sim.models.config import ModelConfig

MAXLEN, MOST_TEXTS = 64, 1024


def reduce_network(
    preset: Preset,
    *,
    layers: Sequence[int] | int | None = None,
    hidden_size: int | None = None,
    intermediate_size: int | None = None,
    num_attention_heads: int | None = None,
    embedding_size: int | None = None,
    texts: Sequence[str] | None = None,
) -> Preset:
    """A network of fewer blocks or less width, made of the weights of ``preset``.

    Depth: blocks are kept whole, bit for bit. Width: the hidden states are projected on one orthonormal basis
    (:func:`.basis.stream_basis`), every matrix that reads or writes them with them; heads and inner units
    are chosen by norm (:mod:`.narrow`). What is not asked for stays as it is, bit for bit.

    Args:
        preset: Not changed.
        layers: Numbers of the blocks kept, or how many: evenly spaced, the first and the last among them.
        hidden_size, intermediate_size, num_attention_heads, embedding_size: See
            :func:`.sizes.reduced_config` for what is taken where one is not given.
        texts: Sentences such as the network will read; some hundreds do, the first 1,024 are used. Where
            width changes, the basis is that of their hidden states in all blocks (else of the token
            embedding) and the narrower matrices are fitted to them (:mod:`.fit`). That is far better.

    Returns:
        The preset, with ``metadata["reduced"]``. Its language-model head reads and writes the projected
        states through an activation that does not turn with them: after a change of width, train it.

    Raises:
        InputError: A size that does not fit; texts without tokens.

    Example:
        >>> small = reduce_network(preset, layers=4, hidden_size=256, texts=sentences)  # doctest: +SKIP
    """
    old = preset.config
    kept = chosen_layers(layers, old)
    new = reduced_config(
        old,
        len(kept),
        hidden_size=hidden_size,
        intermediate_size=intermediate_size,
        num_attention_heads=num_attention_heads,
        embedding_size=embedding_size,
    )
    shallow = old.model_copy(update={"num_hidden_layers": len(kept)})
    weights = keep_blocks(preset.weights, kept)
    facts: dict[str, Any] = {"from": _sizes(old), "to": _sizes(new), "layers": kept}
    if new != shallow:
        weights, measured = _narrowed(preset, kept, weights, shallow, new, texts)
        facts |= measured
    return Preset(new, preset.tokenizer, weights, dict(preset.metadata) | {"reduced": facts})


def keep_blocks(weights: Mapping[str, np.ndarray], layers: Sequence[int]) -> dict[str, np.ndarray]:
    """The weights with block ``layers[i]`` as block ``i`` and the other blocks left out."""
    found = {name: array for name, array in weights.items() if not name.startswith("block_")}
    for i, layer in enumerate(layers):
        begin = f"block_{layer}/"
        for name, array in weights.items():
            if name.startswith(begin):
                found[f"block_{i}/{name.removeprefix(begin)}"] = array
    return found


def _narrowed(
    preset: Preset,
    layers: Sequence[int],
    weights: Mapping[str, np.ndarray],
    old: ModelConfig,
    new: ModelConfig,
    texts: Sequence[str] | None,
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    states = None
    if texts is not None:
        states = States(Forward(preset.config, preset.weights), _token_ids(preset, texts))
    bases = _bases(preset, old, new, states)
    narrow = narrow_weights(weights, old, new, bases)
    if states is not None:
        fit_to(states, layers, Forward(new, narrow), bases)
    return narrow, {
        "fitted_on_texts": 0 if states is None else len(states.token_ids),
        "kept_of_stream": bases.stream_kept,
        "kept_of_embedding": bases.embedding_kept,
    }


def _bases(preset: Preset, old: ModelConfig, new: ModelConfig, states: States | None) -> Bases:
    table = np.asarray(preset.weights["token_embedding/embeddings"])
    if states is not None:
        embedded = states.of_tokens(states.embedded)
        stream = np.concatenate([states.of_tokens(x) for x in (*states.into, *states.between)])
    else:
        embedded = table
        mapping = preset.weights.get("embedding_mapping/kernel")
        stream = table if mapping is None else table @ mapping
    v, kept_v = _basis(embedded, int(new.embedding_size or new.hidden_size))
    u, kept_u = _basis(stream, new.hidden_size)
    if new.embedding_size == new.hidden_size:  # one stream, from the table to the last block
        v, kept_v = u, kept_u
    return Bases(v, u, kept_v, kept_u)


def _basis(states: np.ndarray, size: int) -> tuple[np.ndarray, float]:
    """:func:`stream_basis`, or the identity where nothing is left out."""
    width = states.shape[1]
    return (np.eye(width), 1.0) if size == width else stream_basis(states, size)


def _token_ids(preset: Preset, texts: Sequence[str]) -> np.ndarray:
    if isinstance(texts, str):
        raise InputError("texts is one string; give a list of strings")
    chosen = [text for text in texts if text.strip()][:MOST_TEXTS]
    if not chosen:
        raise InputError("texts: there is none; give some hundred sentences, or leave it out")
    tokenizer = preset.tokenizer
    return tokenizer.pad(tokenizer.encode_batch(chosen, maxlen=MAXLEN))[0]


def _sizes(config: ModelConfig) -> dict[str, int | None]:
    keys = ("num_hidden_layers", "hidden_size", "intermediate_size", "num_attention_heads", "embedding_size")
    return {key: getattr(config, key) for key in keys}
