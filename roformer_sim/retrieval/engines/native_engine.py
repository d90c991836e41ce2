"""Encoding on a CPU by the native network: tokens without padding, in float32 or int8."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from roformer_sim.models.pooling import Pooling
from roformer_sim.native import NativeNetwork
from roformer_sim.retrieval.engines.base import EncoderEngine, Vectors

TOKENS = 512
"""Of a batch: enough to read the weights seldom, few enough that what is between stays near the cores."""


class NativeEncoder(EncoderEngine):
    """The tokens of a batch stand one after another, so that no product has padding in it.

    Args:
        network: Shared with a generating engine: a model that does both holds its packed weights once.
        weights: By name; the pooler is read.
    """

    def __init__(self, network: NativeNetwork, weights: Mapping[str, np.ndarray]) -> None:
        self.network, self.config = network, network.config
        self.name = f"native-{network.precision}"
        if self.config.has_pooler:
            self._pooler = np.array(weights["pooler/kernel"]), np.array(weights["pooler/bias"])

    def encode(self, sentences: Sequence[np.ndarray], poolings: Sequence[Pooling]) -> Vectors:
        """See :meth:`EncoderEngine.encode`.

        Raises:
            InputError: Also a token outside the vocabulary.
        """
        counts = self.batches(np.array([len(sentence) for sentence in sentences]))
        ends = np.cumsum(counts)
        parts = [self._part(sentences[end - n : end], poolings) for n, end in zip(counts, ends, strict=True)]
        return {pooling: np.concatenate([part[pooling] for part in parts]) for pooling in poolings}

    def _part(self, sentences: Sequence[np.ndarray], poolings: Sequence[Pooling]) -> Vectors:
        cls_alone = set(poolings) <= {Pooling.P1, Pooling.P2}
        with self.network.lock:
            wanted: Literal["first", "all"] = "first" if cls_alone else "all"
            lengths = self.network.read(sentences, keep=False, wanted=wanted).lengths
            if cls_alone:
                lengths = np.ones_like(lengths)
            rows = int(lengths.sum())
            last, first = self.network.hidden(rows), self.network.first_hidden(rows)
            return {pooling: self._pooled(pooling, first, last, lengths) for pooling in poolings}

    def _pooled(
        self, pooling: Pooling, first: np.ndarray, last: np.ndarray, lengths: np.ndarray
    ) -> np.ndarray:
        begins = np.cumsum(lengths) - lengths
        if pooling in (Pooling.P1, Pooling.P2):
            cls = last[begins]
            return cls if pooling is Pooling.P1 else cls @ self._pooler[0] + self._pooler[1]
        sums = np.add.reduceat(last, begins, axis=0)
        if pooling is Pooling.P4:
            sums = (sums + np.add.reduceat(first, begins, axis=0)) / np.float32(2.0)
        return np.asarray(sums / lengths[:, None].astype(np.float32))

    def batches(self, lengths: np.ndarray) -> list[int]:
        """See :meth:`EncoderEngine.batches`."""
        ends = np.cumsum(lengths)
        counts, begin = [], 0
        while begin < len(lengths):
            before = ends[begin - 1] if begin else 0
            end = max(begin + 1, int(np.searchsorted(ends, before + TOKENS, side="right")))
            counts.append(end - begin)
            begin = end
        return counts
