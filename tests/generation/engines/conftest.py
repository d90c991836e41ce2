"""Engines of tiny networks."""

from __future__ import annotations

import numpy as np
import pytest
from engine_reference import VOCABULARY, Reference, make_backbone

from roformer_sim.generation.engines.keras_engine import KerasEngine


@pytest.fixture(scope="session", params=["roformer", "bert"])
def network(request) -> tuple[KerasEngine, Reference]:
    """An engine and its network's uncached passes."""
    backbone = make_backbone(request.param)
    return KerasEngine(backbone), Reference(backbone)


@pytest.fixture(scope="session")
def sources() -> list[list[int]]:
    """Four sources of 3 to 11 tokens."""
    rng = np.random.default_rng(5)
    return [rng.integers(4, VOCABULARY, length).tolist() for length in (5, 11, 3, 7)]
