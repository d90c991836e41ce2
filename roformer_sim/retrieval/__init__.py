"""The retrieval head: sentences to vectors. Importing this package does not load Keras."""

from roformer_sim.retrieval.encoder import BatchSize, SentenceEncoder

__all__ = ["BatchSize", "SentenceEncoder"]
