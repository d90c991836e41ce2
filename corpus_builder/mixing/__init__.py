"""Questions and general sentences in one corpus: in the wanted proportion, shuffled as a whole, in shards."""

from corpus_builder.mixing.plan import Mixing, Shortage
from corpus_builder.mixing.run import mix

__all__ = ["Mixing", "Shortage", "mix"]
