"""A checkpoint folder as upstream publishes it, written by TensorFlow itself."""

from huggingface_folder import transformers_folder  # noqa: F401
from published_checkpoint import published  # noqa: F401
