"""Heads that a converted network came without."""

from __future__ import annotations

import warnings

import numpy as np

from roformer_sim.checkpoints.preset import Preset
from roformer_sim.checkpoints.weights import weight_shapes


def with_all_heads(preset: Preset, seed: int = 0) -> Preset:
    """The preset with a pooler and a language-model head, so that it can be trained on every objective.

    A head that was missing begins as BERT's do: kernels from a normal distribution cut at two standard
    deviations of ``initializer_range``, biases 0, norms 1. It says nothing until it is trained, so a warning
    names it. A preset that has both is returned as it is.

    Args:
        preset: Not changed.
        seed: Of the random kernels.
    """
    missing = [key for key in ("has_pooler", "has_lm_head") if not getattr(preset.config, key)]
    if not missing:
        return preset
    config = preset.config.model_copy(update=dict.fromkeys(missing, True))
    generator = np.random.default_rng(seed)
    weights = dict(preset.weights)
    for name, shape in weight_shapes(config).items():
        if name not in weights:
            weights[name] = initial(name, shape, config.initializer_range, generator)
    heads = {"has_pooler": "pooler (P2)", "has_lm_head": "language-model head"}
    names = " and ".join(heads[key] for key in missing)
    warnings.warn(f"the weights to begin with have no {names}: random until it is trained", stacklevel=2)
    return Preset(config, preset.tokenizer, weights, dict(preset.metadata))


def initial(
    name: str, shape: tuple[int, ...], deviation: float, generator: np.random.Generator
) -> np.ndarray:
    """A weight of that name as BERT's begin: tables and kernels random, biases 0, norms 1; float32."""
    if name.endswith("gamma"):
        return np.ones(shape, np.float32)
    if not name.endswith(("kernel", "embeddings")):
        return np.zeros(shape, np.float32)
    numbers = generator.standard_normal(shape)
    while (far := np.abs(numbers) > 2).any():
        numbers[far] = generator.standard_normal(int(far.sum()))
    return (numbers * deviation).astype(np.float32)
