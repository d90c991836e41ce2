"""``python -m corpus_builder.cli``."""

from corpus_builder.cli import main

main()
