"""How many useful tokens each step has, counted where its batch is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


class TokenCounts:
    """Tokens of a step that are no padding, over all arrays of its batch that hold token ids.

    The feeder calls :meth:`record` for each batch it hands on; the callbacks ask for a step's number when it
    has run. So the training step itself counts nothing.

    Args:
        pad_id: [PAD].
        processes: How many train together, each with its part of the batch.
    """

    KEPT = 20_000
    """Steps whose numbers are kept; those asked for are at most a prefetch queue behind."""

    def __init__(self, pad_id: int, processes: int = 1) -> None:
        self.pad_id, self.processes = pad_id, processes
        self._counts: dict[int, int] = {}

    def record(self, step: int, batch: Mapping[str, Any]) -> None:
        """Count the batch of ``step``, counted from 0 over the whole run."""
        self._counts[step] = self.processes * sum(
            int(np.count_nonzero(array != self.pad_id))
            for name, array in batch.items()
            if name.endswith("token_ids")
        )
        self._counts.pop(step - self.KEPT, None)

    def __call__(self, step: int) -> int | None:
        """Tokens of ``step``, or ``None`` where its batch was not recorded."""
        return self._counts.get(step)
