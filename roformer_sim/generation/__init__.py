"""The generation head: decoding, sampling, synonyms."""

from roformer_sim.generation.decoder import sample_targets
from roformer_sim.generation.synonyms import Synonym, rank_synonyms, sample_texts

__all__ = ["Synonym", "rank_synonyms", "sample_targets", "sample_texts"]
