"""The sizes of a reduced network: what was asked for, filled up and checked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.models.config import ModelConfig


def chosen_layers(layers: Sequence[int] | int | None, config: ModelConfig) -> list[int]:
    """The blocks to keep: as listed, or so many evenly spaced ones with the first and the last.

    4 of 12 are ``[0, 4, 7, 11]``; one alone is the first.

    Raises:
        InputError: More than there are, none, out of order, twice, or outside the network.
    """
    depth = config.num_hidden_layers
    if layers is None:
        return list(range(depth))
    if isinstance(layers, int):
        if not 1 <= layers <= depth:
            raise InputError(f"layers is {layers}; the network has {depth}, give 1 to {depth}")
        return [int(place + 0.5) for place in np.linspace(0, depth - 1, layers)]
    kept = list(layers)
    if not kept or kept != sorted(set(kept)) or kept[0] < 0 or kept[-1] >= depth:
        raise InputError(f"layers is {kept}; give rising numbers from 0 to {depth - 1}")
    return kept


def reduced_config(
    config: ModelConfig,
    layers: int,
    *,
    hidden_size: int | None,
    intermediate_size: int | None,
    num_attention_heads: int | None,
    embedding_size: int | None,
) -> ModelConfig:
    """The configuration of the reduced network.

    Without ``intermediate_size`` the ratio to the hidden size stays. Without ``num_attention_heads`` the
    size of a head stays where it divides the hidden size, else their number. Without ``embedding_size`` a
    network whose embeddings are as wide as its hidden states keeps them so, and another keeps its embeddings.

    Raises:
        InputError: A size that is larger than it was, or that does not fit the others.
    """
    hidden = config.hidden_size if hidden_size is None else hidden_size
    if intermediate_size is None:
        intermediate_size = max(config.intermediate_size * hidden // config.hidden_size, 1)
    if num_attention_heads is None:
        heads, rest = divmod(hidden, config.head_size)
        num_attention_heads = config.num_attention_heads if rest or not heads else heads
    if embedding_size is None:
        same = config.embedding_size == config.hidden_size
        embedding_size = hidden if same else int(config.embedding_size or hidden)
    sizes = {
        "num_hidden_layers": layers,
        "hidden_size": hidden,
        "intermediate_size": intermediate_size,
        "num_attention_heads": num_attention_heads,
        "embedding_size": embedding_size,
    }
    for key, size in sizes.items():
        if not 1 <= size <= (before := getattr(config, key)):
            raise InputError(f"{key} is {size}; a reduced network has 1 to {before}, what it had")
    reduced = ModelConfig.from_dict(config.model_dump() | sizes, where="the reduced network")
    _check(config, reduced)
    return reduced


def _check(config: ModelConfig, reduced: ModelConfig) -> None:
    if (
        reduced.hidden_size == config.hidden_size
        and reduced.num_attention_heads != config.num_attention_heads
    ):
        raise InputError("num_attention_heads can change only where hidden_size does")
    if reduced.head_size > config.head_size:
        raise InputError(
            f"{reduced.num_attention_heads} heads of a hidden size of {reduced.hidden_size} would be "
            f"{reduced.head_size} wide, more than the {config.head_size} they were; give more heads"
        )
    mapped = config.embedding_size != config.hidden_size
    if mapped and reduced.embedding_size == reduced.hidden_size:
        raise InputError(
            f"embedding_size and hidden_size are both {reduced.hidden_size}: a network with a layer between "
            "embeddings and hidden states keeps it; give an embedding_size that is smaller"
        )
