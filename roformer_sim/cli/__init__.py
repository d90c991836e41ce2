"""``roformer-sim``: generate, encode, compare, train and evaluate from the command line.

Nothing heavy is imported here or by the command files: ``--help`` answers at once, and only a command that
runs a network loads Keras.
"""

from roformer_sim.cli.application import app, main

__all__ = ["app", "main"]
