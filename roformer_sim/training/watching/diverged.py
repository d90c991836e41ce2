"""The one exception that means "this training went wrong", as opposed to wrong input."""

from __future__ import annotations


class TrainingDiverged(RuntimeError):
    """A loss or a weight is no longer a finite number; the message says where, and what is left.

    The command line prints it as one line and exits with code 1.
    """
