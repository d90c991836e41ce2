"""Counts and samples of a source and variant by band of similarity: all that is kept of its pairs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from corpus_builder.report.histograms import Reservoir
from corpus_builder.study.candidates import Candidate, Kept
from corpus_builder.writers import AtomicWriter


@dataclass(frozen=True, slots=True)
class Cells:
    """What one source gives with one variant.

    Band n holds the similarities from threshold n up to threshold n + 1, the last one up to 1.

    Attributes:
        counts: ``counts[k][n]``: pairs of band n that the miner keeps at threshold k; 0 for n < k.
        samples: for each band, a uniform sample ``[text_a, text_b, score]`` of the pairs that the miner keeps
            at the band's own lower edge: those that lowering the threshold to there adds.
    """

    counts: list[list[int]]
    samples: list[list[list[Any]]]

    def pairs(self, threshold: int) -> int:
        """Pairs that the miner gives at threshold number ``threshold``."""
        return sum(self.counts[threshold])


def collect_cells(
    batches: Iterable[tuple[Sequence[Candidate], Kept]], thresholds: Sequence[float], sample: int, seed: str
) -> Cells:
    """Count and sample what :func:`corpus_builder.study.candidates.kept_pairs` gives."""
    bands = len(thresholds)
    counts = np.zeros((bands, bands), np.int64)
    reservoirs = [Reservoir[list[Any]](sample, f"{seed}/{n}") for n in range(bands)]
    for candidates, kept in batches:
        scores = np.array([candidate.score for candidate in candidates])
        band = np.searchsorted(np.array(thresholds), scores, side="right") - 1
        for k in range(bands):
            counts[k] += np.bincount(band[kept[k]], minlength=bands)
        for place in np.flatnonzero(kept[band, np.arange(len(candidates))]).tolist():
            reservoirs[band[place]].add(list(candidates[place][:3]))
    return Cells(counts.tolist(), [reservoir.items for reservoir in reservoirs])


def save_cells(path: Path, cells: Cells, identity: Mapping[str, Any]) -> None:
    """Write the cells, with everything they depend on."""
    with AtomicWriter(path) as out:
        out.write_row({"identity": dict(identity), **asdict(cells)})


def load_cells(path: Path, identity: Mapping[str, Any]) -> Cells | None:
    """The cells of an earlier run, or None where there are none or they depend on something else."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if content.get("identity") != json.loads(json.dumps(identity)):
        return None
    return Cells(content["counts"], content["samples"])
