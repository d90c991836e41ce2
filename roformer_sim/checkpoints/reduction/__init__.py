"""Smaller networks out of larger ones: chosen blocks, a narrower stream, fewer heads and inner units."""

from roformer_sim.checkpoints.reduction.reduce import reduce_network

__all__ = ["reduce_network"]
