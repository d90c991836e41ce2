"""What runs the network step by step while sentences are generated."""

from roformer_sim.generation.engines.base import Decoding, Engine

__all__ = ["Decoding", "Engine"]
