"""The generation head of a model: engines kept ready, one call at a time in each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from corpus_builder.errors import InputError
from roformer_sim.generation.engines import Engine
from roformer_sim.generation.engines.choose import make_engine
from roformer_sim.generation.generate import Generated, Request, generate_texts
from roformer_sim.generation.options import GenerationOptions
from roformer_sim.network import Network
from roformer_sim.text import Tokenizer

if TYPE_CHECKING:
    from roformer_sim.models import Backbone

Seeds = int | Sequence[int | None] | None
"""One for all texts, or one for each; ``None`` draws other sentences every time."""


class Generator:
    """Generates sentences for texts.

    Threads may share it: an engine decodes for one call at a time, and results are those of one call after
    another.

    Args:
        network: The network, or its Keras model.
        tokenizer: Its tokenizer.
    """

    def __init__(self, network: Network | Backbone, tokenizer: Tokenizer) -> None:
        self.network, self.tokenizer = Network.of(network), tokenizer
        self._decoding = threading.Lock()

    def engine(self, name: str = "auto") -> Engine:
        """The engine of that name, made when it is first asked for, with the weights as they are then.

        Raises:
            InputError: No such engine, or the network has no language-model head.
        """
        self.network.config.check_generates()
        return make_engine(name, self.network)

    def forget_engines(self) -> None:
        """Have engines made anew: some keep a copy of the weights, which training has changed since."""
        self.network.forget()

    def __call__(
        self,
        requests: Sequence[Request],
        n: int,
        options: GenerationOptions,
        seed: Seeds = None,
        engine: str = "auto",
        on_rows: Callable[[int], None] | None = None,
    ) -> list[list[Generated]]:
        """See :func:`generate_texts`.

        Raises:
            InputError: Also seeds that are not as many as texts, and no such engine.
        """
        seeds = [seed] * len(requests) if seed is None or isinstance(seed, int) else list(seed)
        if len(seeds) != len(requests):
            raise InputError(
                f"{len(seeds)} seeds for {len(requests)} texts; give one for each, or one number"
            )
        chosen = self.engine(engine)
        with self._decoding:
            return generate_texts(chosen, self.tokenizer, requests, n, options, seeds, on_rows)
