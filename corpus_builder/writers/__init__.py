"""Writing files so that a reader never meets half of one."""

from corpus_builder.writers.atomic import AtomicWriter
from corpus_builder.writers.sharded import ShardedWriter

__all__ = ["AtomicWriter", "ShardedWriter"]
