"""The retrieval head: sentences to vectors, each distinct one once, sorted by length."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.models.pooling import Pooling
from roformer_sim.network import Network
from roformer_sim.retrieval.engines import EncoderEngine
from roformer_sim.retrieval.engines.base import even
from roformer_sim.retrieval.engines.choose import make_encoder
from roformer_sim.retrieval.output_dtypes import OutputDtype, stored_as
from roformer_sim.text import Tokenizer

if TYPE_CHECKING:
    from roformer_sim.models import Backbone

BatchSize = int | Literal["auto"]


class SentenceEncoder:
    """Encodes any number of sentences with one network.

    Threads may share it: their batches take turns.

    Args:
        network: The network, or its Keras model; shared, not copied.
        tokenizer: Its tokenizer.
    """

    def __init__(self, network: Network | Backbone, tokenizer: Tokenizer) -> None:
        self.network, self.tokenizer = Network.of(network), tokenizer
        config = self.network.config
        self._limit = config.max_position_embeddings if config.model_type == "bert" else None

    def engine(self, name: str = "auto") -> EncoderEngine:
        """The engine of that name, made when it is first asked for.

        ``"keras"`` computes with the weights as they are at each call, the others with those of the time
        they were made, see :meth:`forget_engines`.

        Raises:
            InputError: No such engine, or it is not installed.
        """
        return make_encoder(name, self.network)

    def forget_engines(self) -> None:
        """Have engines made anew: some keep a copy of the weights, which training has changed since."""
        self.network.forget()

    def encode(
        self,
        texts: Sequence[str],
        poolings: Sequence[Pooling | str] = (Pooling.P1,),
        *,
        normalize: bool = True,
        batch_size: BatchSize = "auto",
        maxlen: int = 256,
        progress: bool = False,
        engine: str = "auto",
        output_dtype: OutputDtype | str = OutputDtype.FLOAT32,
    ) -> dict[Pooling, np.ndarray]:
        """Vectors of every text for each pooling, from one pass over the texts.

        Args:
            texts: Sentences; an empty one is encoded as [CLS] [SEP].
            poolings: Which vectors to return.
            normalize: Scale each vector to length 1.
            batch_size: Sentences a batch; ``"auto"`` is as many as the engine is fast with.
            maxlen: Most tokens of a sentence, [CLS] and [SEP] included; longer ones are cut with a
                warning.
            progress: Show a progress bar on stderr.
            engine: ``"auto"``, ``"keras"``, ``"native-float32"``, ``"native-int8"``, see docs/encoding.md.
            output_dtype: ``"float32"``, ``"float16"``, ``"int8"``, ``"binary"``, see
                :mod:`roformer_sim.retrieval.output_dtypes`.

        Returns:
            Pooling to (n, hidden) of that dtype, binary (n, hidden / 8); rows in the order of ``texts``.

        Raises:
            InputError: Not a list of strings, ``batch_size`` below 1, ``maxlen`` beyond a BERT's positions,
                no such engine or dtype; P2 without a pooler; int8 of vectors that are not normalised.
        """
        dtype = OutputDtype.of(output_dtype)
        dtype.check(normalize)
        if isinstance(texts, str):
            raise InputError("texts is one string; give a list of strings")
        if batch_size != "auto" and (not isinstance(batch_size, int) or batch_size < 1):
            raise InputError(f'batch_size must be "auto" or at least 1, not {batch_size!r}')
        texts = list(texts)
        wanted = [Pooling(pooling) for pooling in poolings]
        for pooling in wanted:
            self.network.config.check_pooling(pooling)
        if self._limit is not None and maxlen > self._limit:
            raise InputError(f"maxlen {maxlen} exceeds this network's {self._limit} positions")
        encodings = self.tokenizer.encode_batch(texts, maxlen=maxlen)
        cut = [i for i, encoding in enumerate(encodings) if encoding.truncated]
        if cut:
            warnings.warn(
                f"{len(cut)} of {len(texts)} texts cut to {maxlen} tokens, first: row {cut[0]}", stacklevel=2
            )
        chosen = self.engine(engine)
        distinct, places = _distinct([encoding.token_ids for encoding in encodings])
        vectors = _encode(chosen, distinct, wanted, batch_size, progress)
        if normalize:
            for rows in vectors.values():
                rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
        vectors = {pooling: stored_as(rows, dtype) for pooling, rows in vectors.items()}
        if len(distinct) == len(texts):
            return vectors
        return {pooling: rows[places] for pooling, rows in vectors.items()}


def _distinct(sentences: Sequence[np.ndarray]) -> tuple[list[np.ndarray], np.ndarray]:
    """Each sequence of tokens once, in the order they first come, and where each sentence's stands there."""
    seen: dict[bytes, int] = {}
    places = [seen.setdefault(sentence.tobytes(), len(seen)) for sentence in sentences]
    firsts = np.unique(places, return_index=True)[1]
    return [sentences[first] for first in firsts], np.array(places, np.intp)


def _encode(
    engine: EncoderEngine,
    sentences: Sequence[np.ndarray],
    poolings: Sequence[Pooling],
    batch_size: BatchSize,
    progress: bool,
) -> dict[Pooling, np.ndarray]:
    lengths = np.array([len(sentence) for sentence in sentences], int)
    # Longest first: the largest batch fails early if memory is short.
    order = np.argsort(-lengths, kind="stable")
    counts = engine.batches(lengths[order]) if batch_size == "auto" else even(len(order), batch_size)
    shape = (len(sentences), engine.config.hidden_size)
    result = {pooling: np.empty(shape, np.float32) for pooling in poolings}
    for rows in _tracked(np.split(order, np.cumsum(counts)[:-1]) if counts else [], progress):
        vectors = engine.encode([sentences[row] for row in rows], poolings)
        for pooling in poolings:
            result[pooling][rows] = vectors[pooling]
    return result


def _tracked(batches: list[np.ndarray], progress: bool) -> Any:
    if not progress:
        return batches
    from rich.console import Console
    from rich.progress import track

    return track(batches, "encoding", console=Console(stderr=True))
