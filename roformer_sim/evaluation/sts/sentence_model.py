"""RoFormerSim as the evaluators want it: one function from sentences to vectors."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

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
        poolings: Which vectors; ``None`` for all that the network has.
    """

    name: str
    model: RoFormerSim
    maxlen: int = UPSTREAM_MAXLEN
    batch_size: int = 64
    progress: bool = False
    poolings: tuple[Pooling, ...] | None = None

    def encode(self, texts: list[str]) -> dict[str, np.ndarray]:
        """Vectors of the poolings from one pass, float32 (n, hidden) each, not normalised."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=r"\d+ of \d+ texts cut to ", category=UserWarning)
            vectors = self.model.encoder.encode(
                texts,
                list(self.poolings or self.model.config.poolings),
                normalize=False,
                maxlen=self.maxlen,
                batch_size=self.batch_size,
                progress=self.progress,
            )
        return {str(pooling): matrix for pooling, matrix in vectors.items()}

    def count_truncated(self, texts: list[str]) -> int:
        """How many of ``texts`` have more than ``maxlen`` tokens."""
        return sum(
            encoding.truncated for encoding in self.model.tokenizer.encode_batch(texts, maxlen=self.maxlen)
        )


def untrained_like(trained: SentenceModel, seed: int = 0, name: str = "untrained") -> SentenceModel:
    """A freshly initialised network of that shape and vocabulary, measured alike: what training has to beat.

    Args:
        trained: Gives everything but the weights.
        seed: Decides the weights.
        name: Shown in the report.
    """
    keras.utils.set_random_seed(seed)
    model = trained.model
    fresh = RoFormerSim(Backbone(model.config), model.tokenizer, {"trained_by": None, "seed": seed})
    return replace(trained, name=name, model=fresh)
