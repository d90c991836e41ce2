"""The retrieval head: sentences to vectors."""

from roformer_sim.retrieval.encoder import SentenceEncoder

__all__ = ["SentenceEncoder"]
