"""Our own preset folder."""

from __future__ import annotations

from pathlib import Path

from roformer_sim.checkpoints import Preset, load_preset
from roformer_sim.checkpoints.preset import write_preset_files
from roformer_sim.conversion.outputs import Outputs, Samples, own_outputs


def write(preset: Preset, folder: Path) -> None:
    """Configuration, vocabulary, weights as float32, metadata."""
    write_preset_files(folder, preset)


def run(folder: Path, samples: Samples) -> Outputs:
    """Read it again and compute."""
    return own_outputs(load_preset(folder), samples)
