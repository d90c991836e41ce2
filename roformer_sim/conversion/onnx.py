"""ONNX: the encoder, and generation as two graphs that pass a cache on; for ONNX Runtime and others."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from corpus_builder.errors import InputError
from roformer_sim.checkpoints import Preset
from roformer_sim.checkpoints.checksums import write_checksums
from roformer_sim.checkpoints.weights import check_shapes, weight_shapes
from roformer_sim.conversion.exported import Part, part_outputs, read_settings, write_settings
from roformer_sim.conversion.outputs import Outputs, Samples

FORMAT = "roformer-sim-onnx-1"
WEIGHTS = "weights.bin"


def write(preset: Preset, folder: Path) -> None:
    """``encoder.onnx``, and of a network with a language-model head ``source.onnx``, ``step.onnx`` and
    ``lm_head.onnx``.

    Their weights stand once, in ``weights.bin``. With them go ``vocab.txt``, ``config.json``, which says what
    each part takes and gives, and ``checksums.json``.

    Raises:
        InputError: The package onnx is missing, or the weights do not fit the configuration.
    """
    parts = write_graphs(preset, folder)
    write_settings(preset, folder, FORMAT, parts)
    write_checksums(folder)


def write_graphs(preset: Preset, folder: Path) -> dict[str, Any]:
    """The graphs and their weights; what each takes and gives.

    Raises:
        InputError: As :func:`write`.
    """
    try:
        from roformer_sim.conversion import onnx_network
        from roformer_sim.conversion.onnx_graph import SharedWeights
    except ImportError as error:
        raise InputError(f"writing ONNX needs the package onnx ({error}): pip install onnx") from error
    config = preset.config
    found = {name: tuple(array.shape) for name, array in preset.weights.items()}
    check_shapes(weight_shapes(config), found, "the network to convert")
    weights = SharedWeights.write(folder / WEIGHTS, preset.weights)
    kinds = [onnx_network.encoder]
    if config.has_lm_head:
        kinds += [onnx_network.source, onnx_network.step, onnx_network.lm_head]
    parts = {}
    for kind in kinds:
        graph = kind(config, weights)
        graph.save(folder / f"{graph.name}.onnx")
        parts[graph.name] = graph.signature()
    return parts


def run(folder: Path, samples: Samples) -> Outputs:
    """What ONNX Runtime makes of the files.

    Raises:
        InputError: A file is missing, cut short or changed, or cannot be loaded.
        ImportError: ONNX Runtime is not installed.
    """
    config = read_settings(folder, FORMAT)
    return part_outputs(config, lambda name: open_part(folder, name), samples)


def open_part(folder: Path, name: str) -> Part:
    """Load a graph into ONNX Runtime.

    Raises:
        InputError: It cannot be loaded.
        ImportError: ONNX Runtime is not installed.
    """
    import onnxruntime

    path = folder / f"{name}.onnx"
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # of many classes, which the library does not export
        raise InputError(f"{path}: ONNX Runtime cannot load it: {error}") from error
    names = [output.name for output in session.get_outputs()]

    def part(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return dict(zip(names, session.run(names, dict(inputs)), strict=True))

    return part
