"""Questions and general sentences in one corpus: in the wanted proportion, shuffled as a whole, in shards."""

from corpus_builder.mixing.run import mix
from corpus_builder.mixing.plan import Mixing, Shortage

__all__ = ["Mixing", "Shortage", "mix"]
