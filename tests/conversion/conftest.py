"""A checkpoint folder to convert."""

from published_checkpoint import published  # noqa: F401
