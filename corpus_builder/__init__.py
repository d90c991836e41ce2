"""Text in, similar pairs out: the corpus builder of SimBERT and RoFormer-Sim."""

from corpus_builder.errors import InputError

__all__ = ["InputError"]
