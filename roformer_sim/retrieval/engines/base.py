"""What encoding asks of whatever runs the network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from roformer_sim.models.config import ModelConfig
from roformer_sim.models.pooling import Pooling

Vectors = dict[Pooling, np.ndarray]
"""Of each pooling asked for, (sentences, hidden) float32."""


class EncoderEngine(ABC):
    """Runs a network over sentences. Threads may share one: it computes one batch at a time."""

    name: str
    """As users choose it: ``"keras"``, ``"native-int8"``."""

    config: ModelConfig
    """Of the network."""

    @abstractmethod
    def encode(self, sentences: Sequence[np.ndarray], poolings: Sequence[Pooling]) -> Vectors:
        """Vectors of a batch, not scaled.

        Args:
            sentences: Token ids of each, with [CLS] and [SEP] and without padding, of any lengths. What a
                sentence gets does not depend on the others but for rounding.
            poolings: Which vectors.

        Raises:
            InputError: More tokens than a BERT network has positions.
        """

    @abstractmethod
    def batches(self, lengths: np.ndarray) -> list[int]:
        """How many sentences to encode at a time where the user has not said.

        Args:
            lengths: Tokens of each sentence, in the order they will come, longest first.

        Returns:
            Sentences of each batch; they add up to all.
        """


def even(count: int, size: int) -> list[int]:
    """Batches of ``size``, the last one of what is left."""
    return [min(size, count - begin) for begin in range(0, count, size)]
