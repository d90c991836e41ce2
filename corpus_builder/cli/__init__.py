"""``corpus-builder``: text in, similar pairs out."""

from corpus_builder.cli import evidence, groups, mining, mixing  # noqa: F401, each adds its commands
from corpus_builder.cli.application import app, main

__all__ = ["app", "main"]
