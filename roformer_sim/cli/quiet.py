"""The one place where libraries are told to keep their chatter, and our warnings become one line each."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from corpus_builder.errors import InputError


def load_keras() -> None:
    """Import Keras and its backend without the notes they print; every command that needs them calls this.

    Keeps TensorFlow's and JAX's start-up notes and retracing warnings off stderr. With
    ``TF_CPP_MIN_LOG_LEVEL=0`` or ``1`` in the environment they stay.

    Raises:
        InputError: Keras's backend is not installed.
    """
    if "keras" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    verbose = os.environ["TF_CPP_MIN_LOG_LEVEL"] in ("0", "1")
    if not verbose:
        for name in ("tensorflow", "absl", "jax", "h5py"):
            logging.getLogger(name).setLevel(logging.ERROR)
    with contextlib.nullcontext() if verbose else _stderr_turned_away():
        try:
            import keras  # noqa: F401
        except ImportError as error:
            raise InputError(
                f"Keras has no backend here ({error}); pip install 'roformer-sim[cpu]' brings TensorFlow, "
                "KERAS_BACKEND chooses another"
            ) from None


def load_needed(*, generating: str | None = None, encoding: str | None = "auto") -> bool:
    """:func:`load_keras` where an engine cannot do without; whether that is so.

    Args:
        generating, encoding: The engines asked for; ``None`` for what will not be done.
    """
    from roformer_sim.generation.engines.choose import best_engine
    from roformer_sim.retrieval.engines.choose import best_encoder

    engines = [
        best().name if name == "auto" else name
        for name, best in ((generating, best_engine), (encoding, best_encoder))
    ]
    if "keras" in engines:
        load_keras()
    return "keras" in engines


@contextmanager
def _stderr_turned_away() -> Iterator[None]:
    """Send what C++ code writes to the file descriptor of stderr nowhere.

    TensorFlow 2.21 writes its oneDNN note while its libraries are loaded, before it looks at any setting.
    """
    sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # started without stderr
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


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
