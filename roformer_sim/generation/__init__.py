"""The generation head: decoding, sampling, synonyms."""

from roformer_sim.generation.generate import Generated, Request, generate_texts
from roformer_sim.generation.options import GenerationOptions
from roformer_sim.generation.synonyms import Selection, Synonym, rank_synonyms

__all__ = [
    "Generated",
    "GenerationOptions",
    "Request",
    "Selection",
    "Synonym",
    "generate_texts",
    "rank_synonyms",
]
