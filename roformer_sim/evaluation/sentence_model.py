"""RoFormerSim as the evaluators want it: one function from sentences to vectors."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from roformer_sim.model import RoFormerSim
from roformer_sim.models import Backbone, Pooling

UPSTREAM_MAXLEN = 64
"""Tokens of a sentence in the published evaluation, [CLS] and [SEP] included."""


@dataclass(frozen=True)
class SentenceModel:
    """A model under its name, with the settings it is measured with.

    Args:
        name: Shown in the report.
        model: The model.
        maxlen: Most tokens of a sentence; longer ones are cut, which is counted and not warned of.
        batch_size: Sentences a batch; changes the time only.
        progress: Show a progress bar on stderr.
    """

    name: str
    model: RoFormerSim
    maxlen: int = UPSTREAM_MAXLEN
    batch_size: int = 64
    progress: bool = False

    def encode(self, texts: list[str]) -> dict[Any, np.ndarray]:
        """Vectors of all four poolings from one pass, float32 (n, hidden) each."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=r"\d+ of \d+ texts cut to ", category=UserWarning)
            return dict(
                self.model.encoder.encode(
                    texts,
                    list(Pooling),
                    maxlen=self.maxlen,
                    batch_size=self.batch_size,
                    progress=self.progress,
                )
            )

    def count_truncated(self, texts: list[str]) -> int:
        """How many of ``texts`` have more than ``maxlen`` tokens."""
        return sum(
            encoding.truncated for encoding in self.model.tokenizer.encode_batch(texts, maxlen=self.maxlen)
        )


def untrained_like(model: RoFormerSim, seed: int = 0) -> RoFormerSim:
    """A freshly initialised network of ``model``'s shape and vocabulary: what training has to beat.

    Args:
        seed: Decides the weights.
    """
    keras.utils.set_random_seed(seed)
    return RoFormerSim(Backbone(model.config), model.tokenizer, {"trained_by": None, "seed": seed})
