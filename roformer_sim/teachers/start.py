"""A network to begin distillation with: it knows the teacher's characters before the first step."""

from __future__ import annotations

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.checkpoints import Preset, weight_shapes
from roformer_sim.checkpoints.heads import initial
from roformer_sim.models import ModelConfig
from roformer_sim.teachers.cache import CachedTeacher
from roformer_sim.text import Tokenizer

DEVIATION = 0.05
"""Standard deviation of the token embeddings."""

RESIDUAL = 0.1
"""Factor on the kernels that write into the residual stream."""


def teacher_start(
    config: ModelConfig,
    tokenizer: Tokenizer,
    teacher: CachedTeacher,
    axes: np.ndarray,
    *,
    residual: float = RESIDUAL,
    seed: int = 0,
) -> Preset:
    """A preset whose token embeddings are what the teacher thinks of the single tokens.

    Embeddings: the teacher's vectors of the tokens as texts, along ``axes``, less their mean, scaled to
    :data:`DEVIATION`; tokens it has no vector of stay random. The outputs of attention and feed-forward
    layers are ``residual`` times as large as BERT's, so that the network begins as nearly the mean of its
    embeddings, which is a fair sentence vector already.

    Args:
        config: Its ``embedding_size`` and ``hidden_size`` are the columns of ``axes``.
        tokenizer: Whose tokens are embedded.
        teacher: A cache that was also filled from ``vocab.txt``.
        axes: (e, d), see :func:`roformer_sim.teachers.axes.fit_axes`.
        residual: 1 for BERT's own start.
        seed: Of everything else, which begins as BERT's does.

    Raises:
        InputError: Widths that do not fit, or hardly a token in the cache.
    """
    if not axes.shape[1] == config.hidden_size == config.embedding_size:
        raise InputError(
            f"axes of {axes.shape[1]} columns for a network of hidden_size {config.hidden_size} and "
            f"embedding_size {config.embedding_size}; all three must be the same"
        )
    generator = np.random.default_rng(seed)
    weights = {
        name: initial(name, shape, config.initializer_range, generator)
        for name, shape in weight_shapes(config).items()
    }
    for name in weights:
        if name.startswith("block_") and name.endswith("output/kernel"):
            weights[name] = weights[name] * np.float32(residual)
    rows, known = _token_vectors(tokenizer.vocab, teacher, axes)
    table = weights["token_embedding/embeddings"]
    table *= DEVIATION / table.std()
    table[rows] = known
    made = {"teacher": teacher.teacher, "tokens_from_teacher": len(rows), "residual": residual, "seed": seed}
    return Preset(config, tokenizer, weights, {"teacher_start": made})


def _token_vectors(
    tokens: list[str], teacher: CachedTeacher, axes: np.ndarray
) -> tuple[list[int], np.ndarray]:
    """Rows of the tokens that the teacher knows as texts, and their embeddings."""
    texts = [token.removeprefix("##") for token in tokens]
    absent = set(teacher.missing([text for text in texts if text]))
    rows = [row for row, text in enumerate(texts) if text and text not in absent]
    if len(rows) < len(tokens) // 2:
        raise InputError(
            f"{teacher.folder}: has vectors of {len(rows)} of the {len(tokens)} tokens; add vocab.txt to the "
            "files of roformer-sim teacher-cache"
        )
    vectors = teacher([texts[row] for row in rows])
    vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12) @ axes
    vectors -= vectors.mean(axis=0)
    return rows, np.asarray(vectors * (DEVIATION / vectors.std()), np.float32)
