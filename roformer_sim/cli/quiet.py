"""The one place where libraries are told to keep their chatter, and our warnings become one line each."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


def silence_backends() -> None:
    """Keep TensorFlow's and JAX's start-up notes and retracing warnings off stderr.

    Must run before Keras is imported. What the user has set in the environment stays.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    for name in ("tensorflow", "absl", "jax", "jax._src.xla_bridge", "h5py"):
        logging.getLogger(name).setLevel(logging.ERROR)


@contextmanager
def warnings_as_lines() -> Iterator[None]:
    """Show a ``UserWarning`` as one line ``warning: ...`` on stderr; other categories are for developers."""

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if category is UserWarning:
            say(str(message))

    with warnings.catch_warnings():
        # The same text twice is two sentences cut, not one warning repeated.
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = show
        yield


def say(message: str) -> None:
    """Print one line ``warning: ...`` on stderr."""
    print("warning: " + " ".join(message.split()), file=sys.stderr)
