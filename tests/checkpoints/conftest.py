"""A checkpoint folder as upstream publishes it, written by TensorFlow itself."""

from published_checkpoint import published  # noqa: F401
