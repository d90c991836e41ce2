"""An engine that keeps nothing: at each step it reads every row again from its beginning."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from roformer_sim.generation.engines import Decoding, Engine

WIDTH = 8
"""Rows are padded to a multiple of this."""


class PlainEngine(Engine):
    """The uncached UniLM pass; what every other engine has to agree with."""

    name = "plain"

    def __init__(self, backbone):
        self.config, self.steps = backbone.config, 0

        def run(token_ids, segment_ids):
            return backbone.lm_logits(backbone(token_ids, segment_ids, pattern="unilm").last)

        if keras.backend.backend() == "jax":
            import jax

            run = jax.jit(run)
        self._run = run

    def begin(self, sources, rows):
        of_row = np.repeat(np.arange(len(sources)), rows)
        decoding = PlainDecoding(self, [list(sources[i]) for i in of_row], [[] for _ in of_row])
        firsts = np.cumsum([0, *rows[:-1]])
        return decoding, self.scores(decoding.sources, decoding.targets)[firsts]

    def scores(self, sources, targets):
        """Of the token after each row, (rows, vocabulary)."""
        self.steps += 1
        lengths = [len(source) + len(target) for source, target in zip(sources, targets, strict=True)]
        width = -(-max(lengths) // WIDTH) * WIDTH
        token_ids, segment_ids = np.full((2, len(sources), width), self.config.pad_token_id, np.int32)
        segment_ids[:] = 0
        for i, (source, target) in enumerate(zip(sources, targets, strict=True)):
            token_ids[i, : lengths[i]] = source + target
            segment_ids[i, len(source) : lengths[i]] = 1
        logits = ops.convert_to_numpy(self._run(token_ids, segment_ids))
        return logits[np.arange(len(sources)), np.array(lengths) - 1].copy()


class PlainDecoding(Decoding):
    """Rows as lists of tokens."""

    def __init__(self, engine, sources, targets):
        self.engine, self.sources, self.targets = engine, sources, targets

    def step(self, tokens):
        for target, token in zip(self.targets, tokens.tolist(), strict=True):
            target.append(token)
        return self.engine.scores(self.sources, self.targets)

    def select(self, rows):
        self.sources = [self.sources[i] for i in rows]
        self.targets = [list(self.targets[i]) for i in rows]
