"""What decoding asks of whatever runs the network, so that samplers and searches know nothing of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from roformer_sim.generation.engines.rule import SamplingRule
from roformer_sim.models.config import ModelConfig


class Decoding(ABC):
    """Rows that are being decoded, each a target sentence after a source sentence.

    Rows stand in the order they were begun in, those of one source side by side. The keys and values of a
    source are kept once, however many rows it has.
    """

    @abstractmethod
    def step(self, tokens: np.ndarray) -> np.ndarray:
        """Feed the newest token of each row.

        Args:
            tokens: (rows,) int32.

        Returns:
            Scores (rows, vocabulary), float32, of the token after it; the caller may write into them.
        """

    @abstractmethod
    def select(self, rows: np.ndarray) -> None:
        """Go on with these rows, numbered as they stand now, in this order.

        Args:
            rows: (new rows,) integers. Rows that ended are left out; a beam that splits is named more than
                once. Rows of one source stay side by side, sources in their order.
        """


class GrowingDecoding(Decoding):
    """A decoding that takes in other sources while it goes on."""

    @abstractmethod
    def extend(self, sources: Sequence[Sequence[int]], rows: Sequence[int]) -> np.ndarray:
        """Take in more sources; their rows stand behind those there are.

        Args:
            sources, rows: As :meth:`Engine.begin` has them.

        Returns:
            Scores (sources, vocabulary) of the first token after each of these sources.

        Raises:
            InputError: As :meth:`Engine.begin`.
        """


class CompiledDecoding(Decoding):
    """A decoding that can also draw: all the steps that are left in a compiled loop."""

    @abstractmethod
    def run(
        self, tokens: np.ndarray, uniforms: np.ndarray, rule: SamplingRule
    ) -> tuple[np.ndarray, np.ndarray]:
        """Feed the newest tokens and draw the next ones, step by step, by the rule of ``draw_tokens``.

        Ends once every row has drawn the end or has C tokens; this decoding is then over.

        Args:
            tokens: (rows,) int32; a row whose token is the end stays empty.
            uniforms: (rows, C) in [0, 1), one for each row and step.

        Returns:
            Tokens (rows, C), the end from a row's end on, and their log-probabilities (rows, C) by the
            network's own scores, 0 after the end.
        """


class Engine(ABC):
    """Runs a network's decoding: reads sources once and gives next-token scores."""

    name: str
    """As users choose it: ``"keras"``, ``"native-int8"``."""

    config: ModelConfig
    """Of the network."""

    @abstractmethod
    def begin(self, sources: Sequence[Sequence[int]], rows: Sequence[int]) -> tuple[Decoding, np.ndarray]:
        """Read the sources.

        Args:
            sources: Token ids of each, up to and with [SEP], of any lengths.
            rows: Target sentences of each source, at least 1.

        Returns:
            The decoding of ``sum(rows)`` rows, and the scores of their first token, (sources, vocabulary).
        """

    def spread(self, function: Callable[..., None], rows: int, *arguments: Any) -> None:
        """``function(begin, end, *arguments)`` over all rows; engines with threads give each a share."""
        function(0, rows, *arguments)
