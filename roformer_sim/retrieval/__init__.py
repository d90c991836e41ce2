"""The retrieval head: sentences to vectors. Importing this package does not load Keras."""

from roformer_sim.retrieval.encoder import BatchSize, SentenceEncoder
from roformer_sim.retrieval.output_dtypes import OutputDtype, as_vectors, stored_as
from roformer_sim.retrieval.whitening import Whitening

__all__ = ["BatchSize", "OutputDtype", "SentenceEncoder", "Whitening", "as_vectors", "stored_as"]
