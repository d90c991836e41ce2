"""The retrieval head: sentences to vectors."""

from roformer_sim.retrieval.encoder import SentenceEncoder
from roformer_sim.retrieval.whitening import Whitening

__all__ = ["SentenceEncoder", "Whitening"]
