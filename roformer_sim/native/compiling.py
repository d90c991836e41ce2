"""How the kernels of this folder, and those that call them, are compiled."""

from __future__ import annotations

from pathlib import Path

from corpus_builder.kernels.compiling import Compiling

compiled = Compiling(
    Path(__file__).parent,
    # Sums and maxima may be reordered and divisions are not watched for zeros, which is what lets loops run
    # in vector registers; infinities stay what they are.
    fastmath={"reassoc", "contract", "arcp", "nsz", "afn", "nnan"},
    error_model="numpy",
)
part = compiled.inlined
