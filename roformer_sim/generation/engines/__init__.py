"""What runs the network step by step while sentences are generated."""

from roformer_sim.generation.engines.base import CompiledDecoding, Decoding, Engine, GrowingDecoding
from roformer_sim.generation.engines.rule import SamplingRule

__all__ = ["CompiledDecoding", "Decoding", "Engine", "GrowingDecoding", "SamplingRule"]
