"""A teacher that needs no network, and that tells which texts it was asked for."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
import pytest

from roformer_sim.teachers import CheckedTeacher

DIMENSION = 16


def vectors_of(texts: list[str]) -> np.ndarray:
    """Gaussian vectors drawn by each text's hash, float32 (n, 16)."""
    seeds = [int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little") for text in texts]
    return np.array([np.random.default_rng(seed).standard_normal(DIMENSION) for seed in seeds], np.float32)


class Asked(CheckedTeacher):
    """Remembers each call in ``calls``; refuses to go on behind ``most`` calls."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.most = 10**9
        super().__init__(self._answer, "hashes")

    def _answer(self, texts: list[str]) -> np.ndarray:
        if len(self.calls) == self.most:
            raise RuntimeError("stopped")
        self.calls.append(texts)
        return vectors_of(texts)

    @property
    def texts(self) -> list[str]:
        """All it was asked for, the probes apart."""
        return [text for call in self.calls for text in call if text.startswith("第")]


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def texts() -> list[str]:
    return [f"第{number}个句子" for number in range(50)]
