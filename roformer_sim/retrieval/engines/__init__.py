"""What runs the network over whole sentences while they are encoded."""

from roformer_sim.retrieval.engines.base import EncoderEngine, Vectors

__all__ = ["EncoderEngine", "Vectors"]
